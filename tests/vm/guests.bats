#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# guests - what the pool promises, seen from inside real guests and compared
# with the bytes on the host.  Guests cost seconds, so this is one story; its
# tests run in order and each looks at one thing:
#
#	1  vm1 (NVDIMM, devdax, two extents) and vm2 (virtio-pmem: one child
#	   bare, one with a file system) run at once, store, and are killed
#	2  both boot again and find their bytes
#	3  vm1 has grown into what a neighbour gave back; vm3 has what vm2 gave
#	   back, and a child it can only read; one child is shared by both
setup_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$GUEST_BUILD/tests/vm:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return

	nvmpool format pool.img --size 640M
	# Two holes of 64M with a neighbour between them, for vm1.
	nvmpool carve hole1 64M
	nvmpool carve between 64M
	nvmpool carve hole2 64M
	nvmpool carve rest "$(nvmpool list -j | jq .data.pool.largest_run_bytes)"
	nvmpool release hole1 -y
	nvmpool release hole2 -y
	nvmpool assign vm1 128M --device nvdimm --ram 512M >vm1.args 2>vm1.warning
	nvmpool release rest -y
	nvmpool assign vm2 128M --ram 512M
	nvmpool assign vm2 64M --name files --ram 512M >vm2.args
	poke fill pool.img "$(at between | cut -d' ' -f1)" 67108864 99
	cp --sparse=always pool.img before.img
}

setup() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$GUEST_BUILD/tests/vm:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	GUEST_DIR=$BATS_FILE_TMPDIR guest_kill_all
}

# at CHILD: "offset size" of each extent, in the order of the child's bytes
at() {
	nvmpool show "$1" -j | jq -r '.data.extents[] | "\(.offset_bytes) \(.size_bytes)"'
}

uuid() {
	nvmpool show "$1" -j | jq -r .data.uuid
}

# boot VM < SCRIPT: with exactly the line in VM.args
boot() {
	local line

	cat >"$1.sh"
	guest_prepare "$(command -v mkfs.ext4)"
	guest_overlay "$1.sh" "$1.cpio" "$GUEST_BUILD/tests/vm/poke"
	mapfile -t line < <(xargs -n 1 printf '%s\n' <"$1.args")
	guest_start "$1" "$1.cpio" "${line[@]}"
}

# same OFFSET END: these bytes of the pool are what they were before
same() {
	cmp -i "$1" -n $(($2 - $1)) before.img pool.img
}

mib=1048576
stamp=$((2 * mib))

# What both boots of vm1 and vm2 have in common.
vm1_devices() {
	cat <<-EOF
	load nfit nd_pmem device_dax dax_pmem
	e0=\$(extent $(uuid vm1) 0 2) e1=\$(extent $(uuid vm1) 1 2)
	EOF
}
vm2_devices() {
	cat <<-EOF
	load virtio_pci virtio_pmem nfit nd_pmem crc32c_generic ext4
	bare=\$(extent $(uuid vm2) 0 1) files=\$(extent $(uuid files) 0 1)
	last=\$((\$(device_bytes \$bare) - $mib))
	EOF
}

@test "two VMs run at once on one pool, each with the line that assign printed" {
	{
		vm1_devices
		cat <<-EOF
		check "two extents, the kernel knows their uuids" [ -c \$e0 -a -c \$e1 ]
		check "an extent loses 2 MiB to its stamp" [ \$(device_bytes \$e0) = $((62 * mib)) ]
		check "a fresh child is all zeros" eval '/poke zero \$e0 0 $((62 * mib)) && /poke zero \$e1 0 $((62 * mib))'
		check "stored: begin of the first extent" /poke fill \$e0 0 $mib 10
		check "stored: end of the first extent" /poke fill \$e0 $((61 * mib)) $mib 11
		check "stored: begin of the second extent" /poke fill \$e1 0 $mib 12
		check "stored: end of the second extent" /poke fill \$e1 $((61 * mib)) $mib 13
		say done
		sleep 1000
		EOF
	} | boot vm1
	{
		vm2_devices
		cat <<-EOF
		check "two children, told apart by uuid" [ -b \$bare -a -b \$files ]
		check "stored: begin of the child" /poke fill \$bare 0 $mib 20
		check "stored: end of the child" /poke fill \$bare \$last $mib 21
		check "mkfs" mkfs.ext4 -q -b 4096 \$files
		check "mount with DAX" mount -t ext4 -o dax=always \$files /mnt
		check "DAX it is" grep -q '/mnt ext4 .*dax=always' /proc/mounts
		truncate -s $((8 * mib)) /mnt/file
		check "stored: a file" /poke fill /mnt/file 0 $((8 * mib)) 22
		check "synced" sync
		say done
		sleep 1000
		EOF
	} | boot vm2
	guest_line vm1 '^guest: done' 120
	guest_line vm2 '^guest: done' 120
	guest_running vm1
	guest_running vm2
}

@test "a guest sees its extents by their uuids, less the stamp, all zeros" {
	guest_ok vm1 "two extents, the kernel knows their uuids"
	guest_ok vm1 "an extent loses 2 MiB to its stamp"
	guest_ok vm1 "a fresh child is all zeros"
	guest_ok vm2 "two children, told apart by uuid"
}

@test "a child that a guest maps is not released" {
	run nvmpool release vm1 -y
	echo "$output"
	[ "$status" = 6 ]
	[[ $output == *qemu-system-x86* ]]
	[[ $output == *"$(cat vm1.pid)"* ]]
}

@test "QEMU is killed; the first and last bytes lie where show says" {
	guest_ok vm1 "stored: begin of the first extent"
	guest_ok vm1 "stored: end of the second extent"
	guest_ok vm2 "stored: begin of the child"
	guest_kill vm1
	guest_kill vm2
	[ "$(at vm1 | wc -l)" = 2 ]
	{ read -r off0 size0; read -r off1 size1; } < <(at vm1)
	poke look pool.img $((off0 + stamp)) $mib 10
	poke look pool.img $((off0 + size0 - mib)) $mib 11
	poke look pool.img $((off1 + stamp)) $mib 12
	poke look pool.img $((off1 + size1 - mib)) $mib 13
	read -r off size < <(at vm2)
	poke look pool.img $((off + stamp)) $mib 20
	poke look pool.img $((off + size - mib)) $mib 21
}

@test "not one byte outside of what was stored has changed" {
	{ read -r off0 size0; read -r off1 size1; } < <(at vm1)
	[ "$off0" -lt "$off1" ]
	read -r off size < <(at vm2)
	read -r foff fsize < <(at files)
	[ "$off1" -lt "$off" ]
	[ "$off" -lt "$foff" ]
	# before, between and behind the children: metadata, neighbour, free space
	same 0 "$off0"
	same $((off0 + size0)) "$off1"
	same $((off1 + size1)) "$off"
	same $((off + size)) "$foff"
	same $((foff + fsize)) "$(stat -c %s pool.img)"
	# within them: all but the pieces that were stored
	same $((off0 + stamp + mib)) $((off0 + size0 - mib))
	same $((off1 + stamp + mib)) $((off1 + size1 - mib))
	same $((off + stamp + mib)) $((off + size - mib))
}

@test "the pool's metadata is consistent after the kill" {
	nvmpool check
}

@test "a file system straight on a child is mounted with DAX" {
	guest_ok vm2 "mkfs"
	guest_ok vm2 "mount with DAX"
	guest_ok vm2 "DAX it is"
	guest_ok vm2 "stored: a file"
	guest_ok vm2 "synced"
}

@test "assign, asked again, prints the same line and changes nothing" {
	cp --sparse=always pool.img again.img
	nvmpool assign vm1 128M --device nvdimm --ram 512M | cmp - vm1.args
	nvmpool args vm1 --ram 512M | cmp - vm1.args
	cmp pool.img again.img
	rm again.img
}

@test "both guests boot again" {
	{
		vm1_devices
		cat <<-EOF
		check "found: begin of the first extent" /poke look \$e0 0 $mib 10
		check "found: end of the first extent" /poke look \$e0 $((61 * mib)) $mib 11
		check "found: begin of the second extent" /poke look \$e1 0 $mib 12
		check "found: end of the second extent" /poke look \$e1 $((61 * mib)) $mib 13
		EOF
	} | boot vm1
	{
		vm2_devices
		cat <<-EOF
		check "found: begin of the child" /poke look \$bare 0 $mib 20
		check "found: end of the child" /poke look \$bare \$last $mib 21
		check "mount again" mount -t ext4 -o dax=always \$files /mnt
		check "found: the file" /poke look /mnt/file 0 $((8 * mib)) 22
		umount /mnt
		EOF
	} | boot vm2
	guest_wait vm1 120
	guest_wait vm2 120
}

@test "data is there after the kill and the boot: an NVDIMM in devdax mode" {
	guest_ok vm1 "found: begin of the first extent"
	guest_ok vm1 "found: end of the first extent"
	guest_ok vm1 "found: begin of the second extent"
	guest_ok vm1 "found: end of the second extent"
}

@test "data is there after the kill and the boot: virtio-pmem in fsdax mode" {
	guest_ok vm2 "found: begin of the child"
	guest_ok vm2 "found: end of the child"
	guest_ok vm2 "mount again"
	guest_ok vm2 "found: the file"
}

@test "a child grows into what its neighbour gave back, others are carved anew" {
	local off0 old

	old=$(at between)
	nvmpool release between -y
	nvmpool resize vm1 +64M
	# the third extent lies between the first two: the order is not the address's
	[ "$(at vm1 | sed -n 3p)" = "$old" ]

	old=$(at vm2)
	nvmpool release vm2 -y
	nvmpool release files -y
	nvmpool assign vm3 128M --ram 512M
	[ "$(at vm3)" = "$old" ]
	nvmpool assign vm3 64M --name readable --read-only --ram 512M
	nvmpool assign vm1 64M --name both --shared --device nvdimm --ram 512M >vm1.args
	nvmpool assign vm3 64M --name both --shared --ram 512M >vm3.args
	read -r off0 _ < <(at readable)
	poke fill pool.img $((off0 + stamp)) $mib 40
	read -r off0 _ < <(at both)
	poke fill pool.img $((off0 + stamp)) $mib 41
	cp --sparse=always pool.img before.img

	{
		cat <<-EOF
		load nfit nd_pmem device_dax dax_pmem
		e0=\$(extent $(uuid vm1) 0 3) e1=\$(extent $(uuid vm1) 1 3) e2=\$(extent $(uuid vm1) 2 3)
		check "three extents, the kernel knows their uuids" [ -c \$e0 -a -c \$e1 -a -c \$e2 ]
		check "kept: begin of the first extent" /poke look \$e0 0 $mib 10
		check "kept: end of the first extent" /poke look \$e0 $((61 * mib)) $mib 11
		check "kept: begin of the second extent" /poke look \$e1 0 $mib 12
		check "kept: end of the second extent" /poke look \$e1 $((61 * mib)) $mib 13
		check "the neighbour's bytes are gone" /poke zero \$e2 0 $((62 * mib))
		check "stored: end of the third extent" /poke fill \$e2 $((61 * mib)) $mib 14
		both=\$(extent $(uuid both) 0 1)
		check "a shared child can be read" /poke look \$both 0 $mib 41
		check "a store to a shared child is refused" fails 2 /poke try \$both 0
		EOF
	} | boot vm1
	{
		cat <<-EOF
		load virtio_pci virtio_pmem nfit nd_pmem
			both=\$(extent $(uuid both) 0 1)
		check "a shared child can be read" /poke look \$both 0 $mib 41
		check "a store to a shared child is refused" fails 2 /poke try \$both 0
		new=\$(extent $(uuid vm3) 0 1) readable=\$(extent $(uuid readable) 0 1)
		check "two children" [ -b \$new -a -b \$readable ]
		check "the former owner's bytes are gone" /poke zero \$new 0 \$(device_bytes \$new)
		check "a read-only child can be read" /poke look \$readable 0 $mib 40
		check "a read-only child is read-only" [ "\$(cat /sys/block/\${readable#/dev/}/ro)" = 1 ]
		check "a store is refused" fails 2 /poke try \$readable 0
		check "a write is refused" fails 1 dd if=/dev/zero of=\$readable bs=4096 count=1 conv=notrunc,fsync
		# with the block device's word put aside, the memory itself is asked
		check "the memory refuses too" sh -c "blockdev --setrw \$readable; dd if=/dev/zero of=\$readable bs=4096 count=1 conv=notrunc,fsync; true"
		EOF
	} | boot vm3
	guest_wait vm1 120
	guest_wait vm3 120
}

@test "a grown child keeps its data, in the right order" {
	guest_ok vm1 "three extents, the kernel knows their uuids"
	guest_ok vm1 "kept: begin of the first extent"
	guest_ok vm1 "kept: end of the first extent"
	guest_ok vm1 "kept: begin of the second extent"
	guest_ok vm1 "kept: end of the second extent"
	guest_ok vm1 "stored: end of the third extent"
	read -r off size < <(at vm1 | sed -n 3p)
	poke look pool.img $((off + size - mib)) $mib 14
}

@test "what was released and carved again reads as zeros" {
	guest_ok vm1 "the neighbour's bytes are gone"
	guest_ok vm3 "the former owner's bytes are gone"
}

@test "a read-only child is readable, and nothing gets into it" {
	guest_ok vm3 "a read-only child can be read"
	guest_ok vm3 "a read-only child is read-only"
	guest_ok vm3 "a store is refused"
	guest_ok vm3 "a write is refused"
	read -r off size < <(at readable)
	same "$off" $((off + size))
}

@test "a shared child is read by two VMs at once, and written by none" {
	guest_ok vm1 "a shared child can be read"
	guest_ok vm1 "a store to a shared child is refused"
	guest_ok vm3 "a shared child can be read"
	guest_ok vm3 "a store to a shared child is refused"
	read -r off size < <(at both)
	same "$off" $((off + size))
}

@test "at the end all metadata is consistent" {
	nvmpool check
}
