#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool rename, release and map: what happens to children that are there.

load common
setup() {
	cli_setup
	nvmpool format pool.img --size 128M >/dev/null
	nvmpool carve a 16M >/dev/null
	nvmpool carve b 16M >/dev/null
}
teardown() { cli_teardown; }

@test "rename changes the name and nothing else" {
	local before

	before=$(nvmpool show a -j | jq -c '.data | del(.name)')
	works nvmpool rename a new -j
	json '.data.name == "new" and .data.old_name == "a"'
	[ "$before" = "$(nvmpool show new -j | jq -c '.data | del(.name)')" ]
	fails 3 "no child 'a'" nvmpool show a
}

@test "rename refuses a name that is taken, bad or unknown" {
	fails 4 "a child 'b' is there already" nvmpool rename a b
	fails 2 "bad name 'x y'" nvmpool rename a 'x y'
	fails 3 "no child 'zzz'" nvmpool rename zzz y
	works nvmpool rename a a
	works nvmpool rename a c --dry-run
	works nvmpool show a
}

@test "release gives the space back, clean" {
	local offset

	offset=$(nvmpool show a -j | jq '.data.extents[0].offset_bytes')
	printf secret | dd of=pool.img bs=1 seek=$((offset + 9999)) conv=notrunc status=none
	works nvmpool release a --yes -j
	json '.data.pool.dirty_bytes == 0 and .data.pool.children == 1'
	lacks secret pool.img
	fails 3 "no child 'a'" nvmpool show a
}

@test "release --keep-dirty leaves cleaning to later, and map tells so" {
	works nvmpool release a --yes --keep-dirty -j
	json '.data.pool.dirty_bytes == 16 * 1048576'
	works nvmpool map
	[[ $output == *"~~~"* && $output == *"16 MiB of it not yet clean"* ]]
}

@test "release asks on a terminal and takes only yes for an answer" {
	fails 2 "release 'a' (16 MiB) and lose its data? no terminal to ask on; say --yes" \
		nvmpool release a
	run script -qec 'nvmpool release a' /dev/null <<<"n"
	[ "$status" = 1 ]
	[[ $output == *"lose its data? [y/N]"* ]]
	works nvmpool show a
	run script -qec 'nvmpool release a' /dev/null <<<"y"
	[ "$status" = 0 ]
	fails 3 "no child" nvmpool show a
}

@test "Ctrl-C at the question ends with 130 and releases nothing" {
	local before

	before=$(sum pool.img)
	run script -qec 'nvmpool release a' /dev/null < <(sleep 1; printf '\x03')
	[ "$status" = 130 ]
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool show a
}

@test "release --dry-run releases nothing" {
	local before

	before=$(sum pool.img)
	works nvmpool release a --dry-run
	[ "$before" = "$(sum pool.img)" ]
}

@test "a child that a process maps is not released; its neighbour is" {
	local offset

	offset=$(nvmpool show a -j | jq '.data.extents[0].offset_bytes')
	in_background qemu-system-x86_64 -display none -nodefaults -S -machine q35,accel=tcg \
		-m 128M,slots=1,maxmem=1G \
		-object memory-backend-file,id=m,mem-path=pool.img,offset="$offset",size=16M,share=on \
		-device virtio-pmem-pci,memdev=m
	until_true grep -q "$PWD/pool.img" "/proc/${background[0]}/maps"
	fails 6 "pid ${background[0]} (qemu-system-x86" nvmpool release a -y
	fails_json 6 busy nvmpool release a -y
	works nvmpool show a
	[[ $output == *"pid ${background[0]}"* ]]
	works nvmpool rename a renamed
	works nvmpool release b -y
	kill -9 "${background[0]}"
	until_true nvmpool release renamed -y
}

@test "map draws children, free space and a legend, as wide as it may" {
	works nvmpool map
	[[ $output == *aaaaaaaabbbbbbbb* ]]
	[[ $output == *"a a, 16 MiB"* && $output == *"b b, 16 MiB"* ]]
	[[ $output == *"% fragmented"* ]]
	nvmpool map --width 40 >picture
	grep -q 'aaaa' picture
	run ! grep -nE '^ .{40}' picture
	works nvmpool map --width 1
	works nvmpool map --width 100000
}

@test "map -j gives every byte of the data area once" {
	works nvmpool map -j
	# shellcheck disable=SC2016
	json '.data.pool as $p | .data.pieces | (map(.size_bytes) | add) ==
		$p.unit_count * $p.unit_bytes'
	# shellcheck disable=SC2016
	json '[.data.pieces | range(1; length) as $i |
		.[$i].offset_bytes == .[$i - 1].offset_bytes + .[$i - 1].size_bytes] | all'
	json '[.data.pieces[] | select(.state == "used") | .child] == ["a", "b"]'
}

@test "map tells how fragmented the free space is" {
	nvmpool carve c 16M
	nvmpool release -y b
	works nvmpool map -j
	json '.data.fragmented_percent > 0 and .data.fragmented_percent ==
		100 - (.data.pool | .largest_run_bytes * 100 / .free_bytes | floor)'
}
