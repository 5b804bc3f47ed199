#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# devices - pools on real kernel devices: a guest with emulated NVDIMMs runs
# our tool, with the real ndctl library, on /dev/pmemN and /dev/daxN.M.
#
#	/dev/pmemN	raw, becomes a pool, later a devdax
#	/dev/daxN.0	stamped by the host's carve, becomes a pool
#	/dev/pmemN	a file system, then poisoned, then a pool
#
# One boot does it all; each test looks at one thing that came of it.

setup_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return
	guest_prepare "$GUEST_BUILD/nvmpool" "$(command -v ndctl)" "$(command -v daxctl)" \
		"$(command -v jq)"

	truncate -s 256M region0 region2
	nvmpool format host.img --size 320M
	nvmpool carve inner 256M --mode devdax
	offset=$(nvmpool show inner -j | jq '.data.extents[0].offset_bytes')
	echo "$offset" >inner.offset

	cat >run.sh <<-'EOF'
	load nfit nd_pmem nd_btt device_dax dax_pmem crc32c_generic ext4
	# The kernel numbers the regions as it pleases: find them by address.
	region_at() {
		grep -l "^$1\$" /sys/bus/nd/devices/region*/resource | sed 's/[^0-9]//g'
	}
	at_poison=$(region_at 0x120000000)
	pmem=/dev/pmem$(region_at 0x100000000)
	dax=/dev/dax$(region_at 0x110000000).0
	fs=/dev/pmem$at_poison
	await $pmem $dax $fs || return
	export NVMPOOL_STATE_DIR=/tmp/state

	field() { # FILTER COMMAND...: of its JSON
		filter=$1; shift
		"$@" -j | jq -r "$filter"
	}
	is() { # WANT FILTER COMMAND...
		want=$1; shift
		got=$(field "$@")
		[ "$got" = "$want" ] || { echo "expected $want, got $got"; return 1; }
	}
	all() { # each line of standard input is a command; all must succeed
		while read -r line; do
			eval "$line" || { echo "failed: $line"; return 1; }
		done
	}

	# -- the raw one
	check "ndctl lists the regions" sh -c '[ "$(ndctl list -R | jq length)" = 3 ]'
	check "pmem: format" nvmpool format $pmem --label pmem
	check "pmem: the page cache is told of" sh -c \
		"nvmpool format $pmem --force 2>&1 | grep -q 'page cache'"
	check "pmem: durable at sync" is sync .data.pool.durable nvmpool list --pool $pmem
	check "pmem: carve" nvmpool carve a 64M --pool $pmem
	check "pmem: an existing pool is refused" fails 4 nvmpool format $pmem
	check "pmem: check" nvmpool check --pool $pmem
	dd if=/dev/urandom of=/tmp/data bs=1M count=8 2>/dev/null
	check "pmem: import and export" all <<-'X'
		nvmpool import a /tmp/data --pool $pmem -y
		nvmpool export a /tmp/back --pool $pmem
		cmp -n 8388608 /tmp/data /tmp/back
		rm /tmp/back
	X

	# -- the devdax
	check "dax: format" nvmpool format $dax --label dax
	check "dax: durable at drain" is bus .data.pool.durable nvmpool list --pool $dax
	check "dax: carve" nvmpool carve b 64M --pool $dax
	check "dax: an existing pool is refused" fails 4 nvmpool format $dax
	check "dax: import and export" all <<-'X'
		nvmpool import b /tmp/data --pool $dax -y
		nvmpool export b /tmp/back --pool $dax
		cmp -n 8388608 /tmp/data /tmp/back
		rm /tmp/back
	X
	# devdax knows no private mappings: the dry run makes its own
	check "dax: dry runs answer, and change nothing" all <<-'X'
		nvmpool list --pool $dax -j > /tmp/before
		is true '.data.changed' nvmpool resize b 96M -n --pool $dax
		nvmpool carve c 100M -n --pool $dax
		nvmpool release b -n -y --pool $dax
		nvmpool compact -n --pool $dax
		nvmpool check --deep --pool $dax
		nvmpool list --pool $dax -j | cmp - /tmp/before
		nvmpool export b /tmp/back --pool $dax
		cmp -n 8388608 /tmp/data /tmp/back
		rm /tmp/back
	X
	check "dax: check" nvmpool check --pool $dax

	# -- a file system
	mke2fs -F $fs >/dev/null 2>&1
	check "a file system is refused" fails 4 nvmpool format $fs
	mount -t ext4 $fs /mnt
	check "a mounted one even with --force" fails 6 nvmpool format $fs --force
	umount /mnt

	# -- poison: one block now, one below a child later
	bad() { awk '{ n += $2 } END { print n + 0 }' /sys/bus/nd/devices/region$at_poison/badblocks; }
	wait_bad() { # COUNT: of 512-byte sectors
		n=0
		until [ "$(bad)" -ge "$1" ]; do
			n=$((n + 1)); [ $n -lt 100 ] || { echo "only $(bad) bad sectors"; return 1; }
			sleep 0.1
		done
	}
	say "poison me at 33554432"
	check "poison: the kernel lists it" wait_bad 1
	check "poison: format with a bad block" nvmpool format $fs --force
	check "poison: its unit is bad, and only that" is 2097152 .data.pool.bad_bytes \
		nvmpool list --pool $fs
	check "poison: all the rest can be carved" all <<-'X'
		free=$(field .data.pool.free_bytes nvmpool list --pool $fs)
		nvmpool carve c $((free - 2097152)) --pool $fs
		nvmpool show c --pool $fs -j >/tmp/c
		[ "$(jq '[.data.extents[] | select(.offset_bytes <= 33554432 and .end_bytes > 33554432)] | length' /tmp/c)" = 0 ]
		nvmpool check --pool $fs
	X
	before=$(bad)
	say "poison me at 134217728"
	check "poison: the kernel lists the second" wait_bad $((before + 1))
	check "poison: reading a child over it fails in good order" fails 1 \
		nvmpool export c /tmp/c.img --pool $fs
	check "poison: nothing half-written is left" [ ! -e /tmp/c.img ]
	check "poison: check names the child, and cannot mend it" all <<-'X'
		fails 7 nvmpool check --pool $fs
		fails 7 nvmpool check --repair --pool $fs
		[ "$(nvmpool check --pool $fs -j | jq -r '.data.findings[0] | .problem + " " + .child')" = "bad block c" ]
	X
	check "poison: its unit, when free, is taken out by check --repair" all <<-'X'
		nvmpool release c -y --keep-dirty --pool $fs
		fails 7 nvmpool check --pool $fs
		nvmpool check --repair --pool $fs
		nvmpool check --pool $fs
		is 4194304 .data.pool.bad_bytes nvmpool list --pool $fs
		nvmpool carve d 64M --pool $fs
		nvmpool check --pool $fs
	X

	# -- the way out for /dev/pmemN
	check "reconfigure to devdax" nvmpool format $pmem --reconfigure devdax --force -y
	check "reconfigure: the devdax is a pool" is bus .data.pool.durable nvmpool list --pool ${pmem/pmem/dax}.0
	EOF
	guest_overlay run.sh guest.cpio
	mkfifo monitor.in monitor.out
	exec {monitor}<>monitor.in
	GUEST_CPU=vendor=GenuineIntel guest_start devices guest.cpio \
		-machine q35,nvdimm=on -smp 2 -m 512M,slots=3,maxmem=4G \
		-object memory-backend-file,id=m0,mem-path=region0,size=256M,share=on,align=2M \
		-device nvdimm,memdev=m0,id=n0,addr=0x100000000 \
		-object "memory-backend-file,id=m1,mem-path=host.img,offset=$offset,size=256M,share=on,align=2M" \
		-device nvdimm,memdev=m1,id=n1,addr=0x110000000 \
		-object memory-backend-file,id=m2,mem-path=region2,size=256M,share=on,align=2M \
		-device nvdimm,memdev=m2,id=n2,addr=0x120000000 \
		-chardev pipe,id=mon,path=monitor -mon chardev=mon
	cat monitor.out >monitor.log 2>/dev/null 3>&- &
	for at in 33554432 134217728; do
		guest_line devices "^guest: poison me at $at" 120
		printf 'mce 0 9 0xbd000000000000c0 0x5 0x%x 0x8c\n' $((0x120000000 + at)) >&"$monitor"
	done
	guest_wait devices 120
}

setup() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	GUEST_DIR=$BATS_FILE_TMPDIR guest_kill_all
}

@test "the guest's kernel has three NVDIMM regions, and ndctl lists them" {
	guest_ok devices "ndctl lists the regions"
}

@test "/dev/pmemN becomes a pool, and format says what the page cache means" {
	guest_ok devices "pmem: format"
	guest_ok devices "pmem: the page cache is told of"
	guest_ok devices "pmem: durable at sync"
}

@test "/dev/pmemN: children are carved, filled, read back, and all is consistent" {
	guest_ok devices "pmem: carve"
	guest_ok devices "pmem: import and export"
	guest_ok devices "pmem: check"
}

@test "a pool that is there is not overwritten" {
	guest_ok devices "pmem: an existing pool is refused"
	guest_ok devices "dax: an existing pool is refused"
}

@test "/dev/daxN.0, made by the host's stamp, becomes a pool that is durable at drain" {
	guest_ok devices "dax: format"
	guest_ok devices "dax: durable at drain"
}

@test "/dev/daxN.0: children are carved, filled, read back, and all is consistent" {
	guest_ok devices "dax: carve"
	guest_ok devices "dax: import and export"
	guest_ok devices "dax: check"
}

@test "/dev/daxN.0: a dry run changes nothing" {
	guest_ok devices "dax: dry runs answer, and change nothing"
}

@test "a file system is not overwritten, a mounted one not even with --force" {
	guest_ok devices "a file system is refused"
	guest_ok devices "a mounted one even with --force"
}

@test "a unit with a poisoned block is never allocated" {
	guest_ok devices "poison: the kernel lists it"
	guest_ok devices "poison: format with a bad block"
	guest_ok devices "poison: its unit is bad, and only that"
	guest_ok devices "poison: all the rest can be carved"
}

@test "reading a child over poison ends with an error, and leaves nothing half-written" {
	guest_ok devices "poison: the kernel lists the second"
	guest_ok devices "poison: reading a child over it fails in good order"
	guest_ok devices "poison: nothing half-written is left"
}

@test "check finds poison below a child, and takes it out of the free space" {
	guest_ok devices "poison: check names the child, and cannot mend it"
	guest_ok devices "poison: its unit, when free, is taken out by check --repair"
}

@test "--reconfigure devdax turns /dev/pmemN into a devdax and formats that" {
	guest_ok devices "reconfigure to devdax"
	guest_ok devices "reconfigure: the devdax is a pool"
}

@test "the host reads the pool that the guest laid down on its devdax" {
	dd if=host.img of=inner.img bs=2M iflag=skip_bytes status=none \
		skip=$(($(cat inner.offset) + 2097152)) count=127
	nvmpool check --pool inner.img
	nvmpool list --pool inner.img -j | jq -e '.data.pool.label == "dax" and .data.pool.children == 1'
}

@test "the host's own pool around it is consistent" {
	nvmpool check --pool host.img
}
