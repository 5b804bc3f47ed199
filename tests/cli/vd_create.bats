#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmvd create and info.

load common
load hosted
load vdisk
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "a new file becomes a sparse disk for its owner only" {
	works nvmvd create disk.img --size 64M
	[[ $output == *"size:"*"area:"*"64 MiB"* ]]
	[ "$(stat -c '%s %a' disk.img)" = "$((64 << 20)) 600" ]
	[ "$(stat -c %b disk.img)" -lt $((8 << 11)) ]
	works nvmvd info disk.img
	[[ $output == *"state:"*new* ]]
	sound disk.img
}

@test "what was asked for is what info says" {
	works nvmvd create disk.img --size 64M --logical 40M --label 'my disk' \
		--policy mbsa --threshold 3 --budget 7 --endurance 100000 -j
	json '.data | .size_bytes == 41943040 and .area_bytes == 67108864 and
		.policy == "mbsa" and (.uuid | length == 36)'
	uuid=$(jq .data.uuid <<<"$output")
	works nvmvd info disk.img -j
	json ".data | .uuid == $uuid and .label == \"my disk\" and
		.size_bytes == 41943040 and .policy == \"mbsa\" and
		.threshold == 3 and .budget == 7 and .endurance == 100000 and
		.logical_blocks == 10240 and .mapped_blocks == 0 and
		.extents[0].path == \"$PWD/disk.img\""
}

@test "info counts what is written, trimmed and in use, and changes nothing" {
	filled_disk disk.img 64 10
	nvmvd trim disk.img 0 4M
	before=$(sum disk.img)
	works nvmvd info disk.img -j
	json '.data | .clean and .mapped_bytes == 6 * 1048576 and
		.written_bytes == 10485760 and .trim_logs == 1 and
		.retired_blocks == 0 and .rolled_back_blocks == 0'
	works nvmvd info disk.img
	[[ $output == *"state:"*clean* ]]
	[ "$before" = "$(sum disk.img)" ]
}

@test "a dry run makes no file and no disk" {
	works nvmvd create disk.img --size 64M --dry-run
	[ ! -e disk.img ]
	truncate -s 64M disk.img
	before=$(sum disk.img)
	works nvmvd create disk.img --dry-run -j
	json '.data | .dry_run and .area_bytes == 67108864 and (has("uuid") | not)'
	[ "$before" = "$(sum disk.img)" ]
}

@test "a file, a disk and a pool that are there are not overwritten without --force" {
	disk disk.img 16
	printf data >other
	truncate -s 16M other
	truncate -s 16M ext4.img
	mkfs.ext4 -q ext4.img
	nvmpool format pool.img --size 64M >/dev/null
	for file in disk.img other ext4.img pool.img; do
		before=$(sum "$file")
		fails 4 "--force overwrites it" nvmvd create "$file"
		fails_json 4 exists nvmvd create "$file"
		[ "$before" = "$(sum "$file")" ]
	done
	fails 4 "holds a virtual disk" nvmvd create disk.img
	fails 4 "holds a file system (ext4)" nvmvd create ext4.img
	fails 4 "holds an nvmpool pool" nvmvd create pool.img
	fails 4 "holds data" nvmvd create other
	fails 4 "is there already" nvmvd create other --size 16M
	works nvmvd create other --force
	sound other
}

@test "nothing of a former disk comes back" {
	filled_disk disk.img 64 30
	nvmvd create disk.img --force >/dev/null
	[ "$(nvmvd read disk.img 0 | tr -d '\0' | wc -c)" = 0 ]
	[ "$(figure disk.img mapped_blocks)" = 0 ]
	sound disk.img
}

@test "a child of a pool, raw and stamped" {
	nvmpool format pool.img --size 256M >/dev/null
	nvmpool carve raw 64M >/dev/null
	nvmpool carve stamped 64M --mode fsdax >/dev/null
	cp pool.img before.img
	works nvmvd create raw -j
	json '.data.area_bytes == 67108864'
	works nvmvd create stamped -j
	json '.data.area_bytes == 62 * 1048576'
	cmp -n $((2 << 20)) before.img pool.img -i "$(offset stamped)"
	works nvmvd info stamped -j
	json ".data | .pool == \"$PWD/pool.img\" and .target == \"stamped\""
	fails 4 "holds a virtual disk" nvmvd create raw
	fails 2 "the child 'raw' has its size from the pool" \
		nvmvd create raw --size 64M --pool pool
	nvmpool carve used 64M >/dev/null
	printf data | nvmpool import used 2>/dev/null
	fails 4 "'used' part of a disk: it holds data" nvmvd create used
	[ "$(nvmpool check --deep)" = "no problems" ]
}

@test "sizes that cannot be leave no file" {
	fails 5 "1020K is too small, an area has 1M to 16T" nvmvd create disk.img --size 1020K
	fails 5 "32T is too large" nvmvd create disk.img --size 32T
	fails 5 "has room for 63868K at most" nvmvd create disk.img --size 64M --logical 64M
	fails 5 "not a multiple of 4K" nvmvd create disk.img --size 64M --logical 1025
	fails 5 "an extent of 512K is too small" nvmvd create disk.img --size 512K --extent={1..9}.img
	fails 2 "bad size '0' for --size" nvmvd create disk.img --size 0
	[ -z "$(ls)" ]
	fails 3 "no file 'disk.img', and no pool is known" nvmvd create disk.img
	fails 3 "--size makes one" nvmvd create ./disk.img
	fails 3 "no such device" nvmvd create /dev/dax9.9 --size 64M
}

@test "words that cannot be are refused with what can" {
	fails 2 "bad value 'best' for --policy, must be one of: none, mbsa, adaptive" \
		nvmvd create disk.img --size 64M --policy best
	fails 2 "label is too long" nvmvd create disk.img --size 64M --label "$(printf %64s x)"
	fails 2 "--threshold: at most" nvmvd create disk.img --size 64M --threshold 99999999999
	[ ! -e disk.img ]
}

@test "what a process has open is refused, even with --force" {
	truncate -s 16M disk.img
	in_background sleep 60 4<disk.img
	until_true eval "ls -l /proc/${background[0]}/fd | grep -q disk.img"
	fails 6 "(sleep)" nvmvd create disk.img --force
}

@test "a full file system is told, and no half a disk stays" {
	small_fs small 1m
	fails 5 "" nvmvd create small/disk.img --size 256M
	[ -z "$(ls -A small)" ]
}

@test "an ordinary user may create and use a disk, not one of others" {
	mkdir mine
	chmod 777 mine
	works as_nobody nvmvd create mine/disk.img --size 16M
	works as_nobody nvmvd info mine/disk.img
	disk disk.img 16
	fails 8 "permission denied" as_nobody nvmvd info ./disk.img
	chmod 644 disk.img
	works as_nobody nvmvd info ./disk.img
	works as_nobody nvmvd check ./disk.img
	fails 8 "disk.img' for writing: permission denied" \
		as_nobody nvmvd trim ./disk.img 0 4K
	fails 8 "for writing: permission denied" as_nobody nvmvd create ./disk.img --force
	works as_nobody nvmvd trim ./disk.img 0 4K --dry-run
}
