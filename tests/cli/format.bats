#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool format: on files.  Devices are in tests/vm.

load common
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "format makes a sparse file, registers it, and says what it is" {
	works nvmpool format pool.img --size 1G --label "my pool" --children 40
	[[ $output == *"1 GiB"* && $output == *"my pool"* ]]
	[ "$(stat -c %s pool.img)" = $((1 << 30)) ]
	[ "$(du -k pool.img | cut -f1)" -lt 4096 ]
	works nvmpool list
	works nvmpool pools -j
	json '.data.pools | length == 1 and .[0].name == "pool" and .[0].default'
}

@test "format -j gives the geometry in bytes" {
	works nvmpool format pool.img --size 64M --unit 64K -j --label L --name fast
	json '.data | .size_bytes == 67108864 and .unit_bytes == 65536 and
		.label == "L" and .name == "fast" and .data_bytes ==
		.unit_count * .unit_bytes and (.uuid | length == 36)'
}

@test "a new file needs no size" {
	works nvmpool format pool.img -j
	json '.data.size_bytes == 16 * 1073741824'
}

@test "an existing pool is not overwritten without --force" {
	local before

	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	before=$(sum pool.img)
	fails 4 "it holds an nvmpool pool; --force" nvmpool format pool.img
	fails 4 "it is there already" nvmpool format pool.img --size 64M
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool format pool.img --force
	works nvmpool list -j
	json '.data.children == []'
}

@test "what a former pool's child held cannot be read in the new pool" {
	local offset

	nvmpool format pool.img --size 64M
	nvmpool carve a 56M
	offset=$(nvmpool show a -j | jq '.data.extents[0].offset_bytes')
	printf 'secret' | dd of=pool.img bs=1 seek=$((offset + 5000)) conv=notrunc status=none
	nvmpool format pool.img --force
	nvmpool carve b 56M
	lacks secret pool.img
}

@test "a file system or partition table is not overwritten without --force" {
	truncate -s 64M fs.img
	mkfs.ext4 -q fs.img
	fails 4 "ext4" nvmpool format fs.img
	# a partition table with one partition of Linux, from 1 MiB
	truncate -s 64M disk.img
	printf '\0\x20\x21\0\x83\x28\x20\x08\0\x08\0\0\0\xf0\x01\0' |
		dd of=disk.img bs=1 seek=446 conv=notrunc status=none
	printf '\x55\xaa' | dd of=disk.img bs=1 seek=510 conv=notrunc status=none
	fails 4 "dos" nvmpool format disk.img
	works nvmpool format disk.img --force
	works nvmpool list -p disk.img
}

@test "a file that begins with data is not overwritten without --force" {
	local before

	truncate -s 64M archive
	poke archive 5000 x
	before=$(sum archive)
	fails 4 "it holds data; --force" nvmpool format archive
	fails 4 "it holds data; --force" nvmpool format archive --dry-run
	[ "$before" = "$(sum archive)" ]
	works nvmpool format archive --force
	# zeros are no data, even if they take space
	head -c 64M /dev/zero >zeros
	works nvmpool format zeros
}

@test "a blank file is formatted as it is" {
	truncate -s 100M blank.img
	works nvmpool format blank.img -j
	json '.data.size_bytes == 104857600'
	[ "$(stat -c %s blank.img)" = 104857600 ]
}

@test "a target that a process has open is refused, even with --force" {
	truncate -s 64M pool.img
	exec 7<pool.img
	in_background sleep 60
	exec 7<&-
	fails 6 "pid ${background[0]} (sleep)" nvmpool format pool.img --force
	fails 6 "cannot format 'pool.img'" nvmpool format pool.img
}

@test "impossible sizes and units are refused, and no file stays" {
	fails 5 "64M to 64T" nvmpool format pool.img --size 63M
	fails 5 "64M to 64T" nvmpool format pool.img --size 65T
	fails 5 "power of two" nvmpool format pool.img --size 64M --unit 3M
	fails 5 "power of two" nvmpool format pool.img --size 64M --unit 32K
	fails 5 "power of two" nvmpool format pool.img --size 64M --unit 2G
	fails 5 "too small for units of 1G" nvmpool format pool.img --size 100M --unit 1G
	fails 2 "must not be 0" nvmpool format pool.img --size 0
	fails 2 "bad size 'much'" nvmpool format pool.img --size much
	fails 2 "too many children" nvmpool format pool.img --children 100001
	fails 2 "too long" nvmpool format pool.img --label "$(printf '%064d' 0)"
	fails 2 "bad name" nvmpool format pool.img --name a/b
	[ ! -e pool.img ]
}

@test "targets that cannot be a pool are refused" {
	fails 3 "no such file or directory" nvmpool format nowhere/pool.img
	fails 3 "no such device" nvmpool format /dev/dax99.9
	fails 10 "directory" nvmpool format .
	mkfifo fifo
	fails 10 "fifo" nvmpool format fifo
	fails 10 "/dev/null" nvmpool format /dev/null
	fails 10 "not an NVDIMM namespace" nvmpool format --reconfigure devdax -y \
		"$(truncate -s 64M file.img; echo file.img)"
}

@test "--dry-run says what would be and writes nothing" {
	local before

	works nvmpool format pool.img --size 64M --dry-run -j
	json '.data.dry_run and .data.unit_bytes == 2097152'
	[ ! -e pool.img ]
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	before=$(sum pool.img)
	works nvmpool format pool.img --force --dry-run
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool show a
}

@test "a name that another pool has is refused before anything is written" {
	nvmpool format one.img --size 64M --name fast
	fails 4 "a pool named 'fast' is registered already" \
		nvmpool format two.img --size 64M --name fast
	[ ! -e two.img ]
	fails 4 "choose another --name" nvmpool format two.img --name fast -n
	works nvmpool format ./one.img --force --name fast
	works nvmpool pools -j
	json '.data.pools | length == 1 and .[0].name == "fast"'
}

@test "a file that nobody may write is status 8" {
	truncate -s 64M pool.img
	chmod 444 pool.img
	fails 8 "permission denied" as_nobody env NVMPOOL_STATE_DIR="$PWD/n" \
		nvmpool format "$PWD/pool.img"
}

@test "a disk too full for the metadata is status 5, and the file is removed" {
	small_fs fs 64k
	fails 5 "no space" nvmpool format fs/pool.img --size 1T
	[ ! -e fs/pool.img ]
}

@test "a registry that cannot be written is a warning: the pool is there" {
	printf 'not json' >"$BATS_TEST_TMPDIR/file"
	NVMPOOL_STATE_DIR=$BATS_TEST_TMPDIR/file/x works nvmpool format pool.img --size 64M
	[[ $stderr == *"not registered"* ]]
	works nvmpool list -p ./pool.img
}

@test "pools of the largest size can be made sparse" {
	small_fs fs 256m
	works nvmpool format fs/pool.img --size 64T -j
	json '.data.unit_count <= 67108864 and .data.size_bytes == 70368744177664'
	works nvmpool carve a 1T
	works nvmpool list -j
	json '.data.children[0].size_bytes == 1099511627776'
}

@test "on ext4 a pool can be as large as a file there, 16 TiB less a block" {
	need_root
	truncate -s 256M ext4.img
	mkfs.ext4 -q -b 4096 ext4.img
	mkdir fs
	mount -o loop ext4.img fs || skip "cannot mount a loop device here"
	mounted+=("$PWD/fs")
	fails 5 "no files so large" nvmpool format fs/pool.img --size 16T
	[ ! -e fs/pool.img ]
	works nvmpool format fs/pool.img --size 17592186040320 -j
	json '.data.size_bytes == 17592186040320'
	works nvmpool carve a 8T
	works nvmpool assign vm1 4T
	works nvmpool check
	works nvmpool release a -y
	works nvmpool list -j
	json '.data.children | length == 1'
}
