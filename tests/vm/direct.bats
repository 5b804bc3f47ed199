#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# direct - backings without a page cache: inside a guest whose NVDIMMs the host
# has assigned, doctor tries a real devdax and a real file on a DAX file
# system, and assign gives out what lies there directly, with pmem=on.
#
# One boot does it all; each test looks at one thing that came of it.

setup_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return
	guest_prepare "$GUEST_BUILD/nvmpool" "$(command -v jq)" "$(command -v mkfs.ext4)"

	nvmpool format host.img --size 640M
	nvmpool assign vm1 256M --name dax --device nvdimm --ram 512M
	nvmpool assign vm1 256M --name fs --device nvdimm --mode fsdax --ram 512M >line 2>warnings
	mapfile -t line < <(xargs -n 1 printf '%s\n' <line)
	cat >run.sh <<-EOF
	dax=\$(extent $(nvmpool show dax -j | jq -r .data.uuid) 0 1)
	fs=\$(extent $(nvmpool show fs -j | jq -r .data.uuid) 0 1)
	EOF
	sed -i '1i load nfit nd_pmem device_dax dax_pmem crc32c_generic ext4' run.sh
	cat >>run.sh <<-'EOF'
	export NVMPOOL_STATE_DIR=/tmp/state
	holds() { # FILTER COMMAND...: true of its JSON
		filter=$1; shift
		"$@" -j >/tmp/json 2>/tmp/stderr
		jq -e "$filter" /tmp/json >/dev/null || { cat /tmp/json /tmp/stderr; return 1; }
	}
	said() { # TEXT COMMAND...: it is in what the command prints
		text=$1; shift
		"$@" >/tmp/said 2>&1
		grep -qe "$text" /tmp/said || { cat /tmp/said; return 1; }
	}
	tried='.data.trials | map({(.what): .result}) | add'

	cksum $dax >/tmp/before
	check "dax: doctor" holds ".data.kind == \"devdax\" and .data.device == \"nvdimm\" and
		.data.align_bytes == 2097152 and ($tried | .map_sync == \"yes\" and
		.huge_pages == \"yes\")" nvmpool doctor --backing $dax
	check "dax: what was flushed survives, if the platform says so" holds \
		'.data.verdict[2].survives == (if .data.domain == "unknown" then "not known"
		else "what was flushed" end)' nvmpool doctor --backing $dax
	cksum $dax >/tmp/after
	check "dax: doctor changes nothing" cmp /tmp/before /tmp/after
	nvmpool format $dax
	check "dax: assign" said "^-machine q35,nvdimm=on -m 1G,slots=1,maxmem=1088M .*mem-path=$dax,.*align=2M,pmem=on -device nvdimm,.*addr=0x100000000\$" \
		nvmpool assign inner 64M --pool $dax
	check "dax: its mode" holds '.data.mode == "devdax"' nvmpool show inner --pool $dax
	check "dax: virtio-pmem is refused" fails 10 \
		nvmpool assign other 64M --device virtio-pmem --pool $dax
	check "dax: why" said "its flush is fsync, which the device does not have; use --device nvdimm" \
		nvmpool assign other 64M --device virtio-pmem --pool $dax

	check "pmem: doctor" holds ".data.kind == \"block\" and .data.device == \"virtio-pmem\" and
		($tried | .map_sync == \"no\" and .fsync == \"yes\") and
		(.data.next | any(.step | test(\"reconfigure devdax\")))" \
		nvmpool doctor --backing $fs
	mkfs.ext4 -q -b 4096 $fs
	check "fs: mount with DAX" mount -t ext4 -o dax $fs /mnt
	check "fs: doctor" holds ".data.kind == \"file on ext4\" and .data.durable == \"bus\" and
		.data.device == \"nvdimm\" and ($tried | .map_sync == \"yes\" and .fsync == \"yes\" and
		.hole_punching == \"yes\") and (.data.verdict[2].survives == \"what was flushed\")" \
		nvmpool doctor --backing /mnt
	nvmpool format /mnt/pool.img --size 128M
	check "fs: assign" said "mem-path=/mnt/pool.img,.*,align=2M,pmem=on -device nvdimm," \
		nvmpool assign inner 64M --pool /mnt/pool.img
	check "fs: a read-only child" said ",readonly=on -device nvdimm,.*,unarmed=on" \
		nvmpool assign second 32M --read-only --pool /mnt/pool.img
	check "fs: nothing is left beside the pool" eval '[ "$(ls -A /mnt | grep -v lost+found)" = pool.img ]'
	EOF
	guest_overlay run.sh guest.cpio
	guest_start direct guest.cpio "${line[@]}"
	guest_wait direct 120
}

setup() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	GUEST_DIR=$BATS_FILE_TMPDIR guest_kill_all
}

@test "doctor on a devdax: direct, huge pages, nothing changed" {
	guest_ok direct "dax: doctor"
	guest_ok direct "dax: what was flushed survives, if the platform says so"
	guest_ok direct "dax: doctor changes nothing"
}

@test "a child of a devdax is an NVDIMM with pmem=on, in devdax mode" {
	guest_ok direct "dax: assign"
	guest_ok direct "dax: its mode"
}

@test "virtio-pmem on a devdax is refused, with the way out" {
	guest_ok direct "dax: virtio-pmem is refused"
	guest_ok direct "dax: why"
}

@test "doctor on /dev/pmemN: the page cache, and how to get rid of it" {
	guest_ok direct "pmem: doctor"
}

@test "doctor on a DAX file system: direct, and all that a file can do" {
	guest_ok direct "fs: mount with DAX"
	guest_ok direct "fs: doctor"
	guest_ok direct "fs: nothing is left beside the pool"
}

@test "a child of a DAX file is an NVDIMM with pmem=on" {
	guest_ok direct "fs: assign"
	guest_ok direct "fs: a read-only child"
}
