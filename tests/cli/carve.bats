#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool carve, show and list.

load common
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "a carved child is listed and shown with its place" {
	nvmpool format pool.img --size 256M
	works nvmpool carve log 64M -j
	json '.data | .name == "log" and .size_bytes == 67108864 and .mode == "raw"
		and (.uuid | test("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))
		and (.extents | length == 1) and .usable_bytes == .size_bytes'
	works nvmpool list
	[[ $output == *"log"*"64 MiB"* ]]
	works nvmpool show log
	[[ $output == *"raw"* && $output == *"EXTENT"* ]]
	works nvmpool show log -j
	json '.data.extents[0] | .end_bytes - .offset_bytes == 67108864 and
		.offset_bytes % 2097152 == 0'
}

@test "a guest's mode costs 2 MiB an extent and keeps the VM rules" {
	nvmpool format pool.img --size 256M
	works nvmpool carve d 128M --mode devdax -j
	json '.data | .mode == "devdax" and .usable_bytes == 126 * 1048576'
	works nvmpool carve f 64M --mode fsdax
	nvmpool format large.img --size 8G
	works nvmpool carve big 4G --mode devdax --pool ./large.img
	[[ $output == *"usable in a guest: ~4 GiB (4094M)"* ]]
	fails 2 "bad value 'block' for --mode, must be one of: raw, devdax, fsdax" \
		nvmpool carve g 64M --mode block --pool ./pool.img
}

@test "a child reads as zeros whatever its units held" {
	local offset

	nvmpool format pool.img --size 64M
	nvmpool carve a 32M
	offset=$(nvmpool show a -j | jq '.data.extents[0].offset_bytes')
	yes secret | dd of=pool.img bs=1M seek=$((offset >> 20)) count=32 \
		iflag=fullblock conv=notrunc status=none
	grep -q secret pool.img
	works nvmpool release a -y --keep-dirty
	grep -q secret pool.img
	nvmpool carve b 56M
	lacks secret pool.img
}

@test "a name that is taken is status 4" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	fails 4 "a child of this name is there already" nvmpool carve a 4M
	fails_json 4 exists nvmpool carve a 4M
}

@test "names that cannot be are refused" {
	local name

	nvmpool format pool.img --size 64M
	for name in '' . .a _a 'a b' a/b 'ä' 'a;b' "$(printf '%064d' 1)"; do
		fails 2 "bad name" nvmpool carve "$name" 4M
	done
	works nvmpool carve "$(printf '%063d' 1)" 4M
	works nvmpool carve A.b_c-9 4M
}

@test "sizes that cannot be are refused, with the nearest that can" {
	nvmpool format pool.img --size 64M
	fails 5 "nearest are 4M and 6M" nvmpool carve a 5M
	fails 5 "nearest is 2M" nvmpool carve a 1
	fails 5 "smallest possible is 2M" nvmpool carve a 0
	fails 2 "bad size '4X': unknown suffix" nvmpool carve a 4X
	fails 2 "bad size '-4M'" nvmpool carve a -4M
	fails 2 "too large" nvmpool carve a 99999999999999999999G
	fails 5 "no space" nvmpool carve a 16777214T
	works nvmpool list -j
	json '.data.children == []'
}

@test "a full pool says how much is free" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 48M
	fails 5 "no space in the pool: 10 MiB free, largest run 10 MiB" nvmpool carve b 12M
	fails_json 5 no-space nvmpool carve b 12M
	works nvmpool carve b 10M
	fails 5 "0 B free" nvmpool carve c 2M
}

@test "space in too many pieces for a VM is status 5 and names compact" {
	local i

	nvmpool format pool.img --size 256M
	for i in 1 2 3 4 5; do
		nvmpool carve "k$i" 30M
		nvmpool carve "s$i" 2M
	done
	for i in 1 2 3 4 5; do
		nvmpool release -y "k$i"
	done
	fails 5 "nvmpool compact" nvmpool carve vm 192M --mode devdax
	works nvmpool carve big 192M -j
	json '.data.extents | length > 1'
}

@test "a pool has room for so many children and no more" {
	local i

	nvmpool format pool.img --size 64M --unit 64K --children 15
	for i in $(seq "$(nvmpool list -j | jq .data.pool.children_max)"); do
		nvmpool carve "c$i" 64K >/dev/null
	done
	fails 5 "no room for another child" nvmpool carve more 64K
}

@test "an unknown child is status 3, with the nearest name" {
	nvmpool format pool.img --size 64M
	nvmpool carve database 4M
	fails 3 "did you mean 'database'?" nvmpool show databsae
	fails 3 "no child 'x'" nvmpool show x
}

@test "--dry-run does it all and changes nothing" {
	local before

	nvmpool format pool.img --size 64M
	before=$(sum pool.img)
	works nvmpool carve a 4M --dry-run
	[[ $stderr == *"dry run: nothing was changed"* ]]
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool list -j
	json '.data.children == []'
	fails 5 "no space" nvmpool carve a 1G --dry-run
}

@test "looking changes nothing, and works on a pool that may not be written" {
	local before

	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	before=$(sum pool.img)
	works nvmpool list
	works nvmpool show a
	works nvmpool map
	[ "$before" = "$(sum pool.img)" ]
	chmod 444 pool.img
	works as_nobody nvmpool list -p "$PWD/pool.img"
	fails 8 "permission denied" as_nobody nvmpool carve b 4M -p "$PWD/pool.img"
	works as_nobody nvmpool carve b 4M --dry-run -p "$PWD/pool.img"
}

@test "a full disk under a sparse pool is status 5, and the pool stays whole" {
	small_fs fs 8m
	nvmpool format fs/pool.img --size 1G
	nvmpool carve a 4M
	dd if=/dev/zero of=fs/filler bs=4k 2>/dev/null || true
	fails 5 "no space left on the file system below the pool" nvmpool carve b 2M
	rm fs/filler
	works nvmpool check
	works nvmpool show a
	works nvmpool carve b 2M
}

@test "list shows only one VM's children with --vm" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	works nvmpool list --vm nobody -j
	json '.data.children == []'
}
