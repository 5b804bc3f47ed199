#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmvd resize.

load common
load hosted
load vdisk
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "a file and its disk grow, to a size and by a size" {
	filled_disk disk.img 64 30
	was=$(figure disk.img size_bytes)
	works nvmvd resize disk.img 128M -j
	json ".data | .changed and .old_size_bytes == $was and .area_bytes == 134217728 and
		.size_bytes > 120 * 1048576"
	[ "$(stat -c %s disk.img)" = $((128 << 20)) ]
	works nvmvd resize disk.img +64M
	[ "$(stat -c %s disk.img)" = $((192 << 20)) ]
	[ "$(figure disk.img clean)" = true ]
	same_disk disk.img
	sound disk.img
	random big 170
	works nvmvd import disk.img big -y
	sound disk.img
}

@test "shrinking moves what lies behind the new end" {
	disk disk.img 64
	# the data are written behind what is trimmed afterwards
	random head 40
	nvmvd import disk.img head 2>/dev/null
	random disk.img.in 10
	nvmvd trim disk.img 0 30M
	nvmvd write disk.img 0 <disk.img.in 2>/dev/null
	nvmvd trim disk.img 20M 30M
	works nvmvd resize disk.img 24M
	[ "$(stat -c %s disk.img)" = $((24 << 20)) ]
	same_disk disk.img
	sound disk.img
	works nvmvd resize disk.img -8M -j
	json '.data.area_bytes == 16 * 1048576'
	same_disk disk.img
	sound disk.img
}

@test "losing data is asked for, and not done without a yes" {
	filled_disk disk.img 64 40
	before=$(sum disk.img)
	fails 2 "and lose the data behind that? no terminal to ask on; say --yes" \
		nvmvd resize disk.img 32M
	[ "$(stat -c %s disk.img)" = $((64 << 20)) ]
	same_disk disk.img
	works nvmvd resize disk.img 32M --yes
	truncate -s 30M disk.img.in
	same_disk disk.img
	sound disk.img
	# what was cut off does not come back
	works nvmvd resize disk.img 64M
	[ "$(nvmvd read disk.img 31M | tr -d '\0' | wc -c)" = 0 ]
	same_disk disk.img
	sound disk.img
}

@test "growing and shrinking again and again loses nothing" {
	filled_disk disk.img 32 6
	for size in 64M 9M 40M +8M -30M 128M 16M 17M 10M 33M; do
		works nvmvd resize disk.img "$size"
		same_disk disk.img
		sound disk.img
	done
}

@test "the same size changes nothing" {
	filled_disk disk.img 64 1
	before=$(sum disk.img)
	works nvmvd resize disk.img 64M -j
	json '.data.changed == false'
	works nvmvd resize disk.img
	[ "$before" = "$(sum disk.img)" ]
}

@test "a file that somebody made longer is taken without a size" {
	filled_disk disk.img 64 1
	truncate -s 128M disk.img
	fails 5 "it can take all of the 128M that are there" nvmvd resize disk.img 100M
	works nvmvd resize disk.img -j
	json '.data.area_bytes == 134217728'
	same_disk disk.img
	sound disk.img
}

@test "--logical sets the size of the disk" {
	filled_disk disk.img 64 10
	works nvmvd resize disk.img 128M --logical 100M
	[ "$(figure disk.img size_bytes)" = $((100 << 20)) ]
	works nvmvd resize disk.img --logical 20M
	[ "$(figure disk.img size_bytes)" = $((20 << 20)) ]
	same_disk disk.img
	fails 2 "lose the data behind that" nvmvd resize disk.img --logical 4M
	fails 5 "room for 20M at most; a disk becomes longer only with its area" \
		nvmvd resize disk.img --logical 30M
	fails 5 "not a multiple of 4K" nvmvd resize disk.img --logical 4097
	fails 5 "first make it shorter" nvmvd resize disk.img +16M --logical 10M
	fails 5 "has not the room for it" nvmvd resize disk.img +16M --logical 144M
	[ "$(stat -c %s disk.img)" = $((128 << 20)) ]
	same_disk disk.img
	sound disk.img
}

@test "sizes that cannot be change nothing" {
	filled_disk disk.img 64 1
	before=$(sum disk.img)
	fails 5 "an area has 1M at least" nvmvd resize disk.img 900K
	fails 5 "'disk.img' has 64 MiB" nvmvd resize disk.img -64M
	fails 5 "an area has 16T at most" nvmvd resize disk.img 17T
	fails 5 "bad size '+17T': too large" nvmvd resize disk.img +17T
	fails 5 "not a multiple of 4K, nearest are 64M and 65540K" nvmvd resize disk.img 67108865
	fails 2 "bad size 'x': must be a number" nvmvd resize disk.img x
	fails 2 "bad size '+': must be a number" nvmvd resize disk.img +
	[ "$before" = "$(sum disk.img)" ]
	fails 5 "1M more is the least that is of use" nvmvd resize disk.img +64K
	[ "$(stat -c %s disk.img)" = $((64 << 20)) ]
	same_disk disk.img
	sound disk.img
}

@test "a dry run tells about what would be, and changes nothing" {
	filled_disk disk.img 64 40
	before=$(sum disk.img)
	works nvmvd resize disk.img 1G --dry-run -j
	json '.data | .dry_run and .area_bytes == 1073741824 and .size_bytes > 1000000000'
	works nvmvd resize disk.img 32M --dry-run
	[ "$before" = "$(sum disk.img)" ]
}

@test "one more extent at the end, and away again" {
	filled_disk disk.img 32 10
	truncate -s 32M more.img
	works nvmvd resize disk.img --extent more.img -j
	json '.data.area_bytes == 67108864'
	same_disk disk.img --extent more.img
	fails 2 "it lies on 2 extents, 1 of them given" nvmvd info disk.img
	sound more.img --extent disk.img
	works nvmvd resize disk.img --extent more.img +32M
	[ "$(stat -c '%s' disk.img more.img | xargs)" = "$((32 << 20)) $((64 << 20))" ]
	sound disk.img --extent more.img
	works nvmvd resize disk.img --extent more.img 32M
	[[ $stderr == *"'$PWD/more.img' is no longer a part of the disk"* ]]
	same_disk disk.img
	sound disk.img
}

@test "a new extent with data is refused, and so is one before the others" {
	filled_disk disk.img 32 1
	random other 32
	truncate -s 32M empty
	before=$(sum disk.img)
	fails 4 "cannot make '$PWD/other' part of a disk: it holds data" \
		nvmvd resize disk.img --extent other
	fails 2 "own 1 extents must be given first" nvmvd resize empty --extent disk.img
	fails 2 "it lies on 1 extents, 2 are given" nvmvd info disk.img --extent empty
	[ "$before" = "$(sum disk.img)" ]
	works nvmvd resize disk.img --extent other --force
	sound disk.img --extent other
}

@test "with a child: nvmpool first to grow, afterwards to shrink" {
	nvmpool format pool.img --size 512M >/dev/null
	nvmpool carve vm1 64M --mode fsdax >/dev/null
	nvmpool carve wall 64M >/dev/null
	filled_child vm1 20
	fails 5 "make that longer first, with 'nvmpool resize vm1 128M'" nvmvd resize vm1 128M
	nvmpool resize vm1 192M >/dev/null
	[ "$(nvmpool show vm1 -j | jq '.data.extents | length')" = 2 ]
	same_disk vm1
	works nvmvd resize vm1 -j
	json '.data.area_bytes == 188 * 1048576'
	same_disk vm1
	sound vm1
	works nvmvd resize vm1 128M
	[[ $stderr == *"'nvmpool resize vm1 128M' now gives back what the disk has left"* ]]
	works nvmpool resize vm1 128M -y
	same_disk vm1
	sound vm1
	works nvmvd resize vm1 64M
	works nvmpool resize vm1 64M -y
	same_disk vm1
	sound vm1
	[ "$(nvmpool check)" = "no problems" ]
}

@test "a full file system stops a growth, and nothing is lost" {
	small_fs small 16m
	nvmvd create small/disk.img --size 32M >/dev/null
	random little 8
	nvmvd import small/disk.img little 2>/dev/null
	fails 5 "" nvmvd resize small/disk.img 4G
	[ "$(stat -c %s small/disk.img)" = $((32 << 20)) ]
	nvmvd export small/disk.img 2>/dev/null | cmp -n $((8 << 20)) - little
	sound small/disk.img
}

@test "a device keeps its size" {
	need_root
	truncate -s 32M backing.img
	loop=$(losetup --show -f backing.img) || skip "no loop device here"
	trap 'losetup -d "$loop"' EXIT
	nvmvd create "$loop" >/dev/null
	fails 10 "is a device" nvmvd resize "$loop" 64M
	fails 10 "is a device, which keeps its size" nvmvd resize "$loop" 16M
	sound "$loop"
	losetup -d "$loop"
	trap - EXIT
}
