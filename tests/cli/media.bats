#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What every command says of media that are not as they should be.

load common
setup() { cli_setup; }
teardown() { cli_teardown; }

# gmb_poke OFFSET BYTES: change all three copies of the GMB, with their checksums
gmb_poke() {
	local at

	for at in 0 4096 $((64 * 1048576 - 4096)); do
		poke pool.img $((at + $1)) "$2"
		page_seal pool.img "$at"
	done
}

@test "what is not a pool is status 9" {
	head -c 64M /dev/urandom >junk.img
	fails 9 "not a pool; 'nvmpool format' makes one" nvmpool list -p junk.img
	fails 9 "not a pool" nvmpool carve a 4M -p junk.img
	fails_json 9 not-a-pool nvmpool map -p junk.img
	truncate -s 64M zeros.img
	fails 9 "not a pool" nvmpool list -p zeros.img
}

@test "what cannot be a pool has a clear line, too" {
	: >empty.img
	fails 9 "empty.img': not a pool" nvmpool list -p empty.img
	echo short >short.img
	fails 9 "short.img': not a pool" nvmpool carve a 4M -p short.img
	fails 5 "too small" nvmpool format short.img
	[ "$(cat short.img)" = short ]
	fails 10 "directory" nvmpool list -p ./.
	fails 10 "/dev/null" nvmpool list -p /dev/null
}

@test "a newer version is status 9 and is left alone" {
	local before

	nvmpool format pool.img --size 64M
	gmb_poke $((0x40)) '\x02'
	before=$(sum pool.img)
	fails 9 "newer" nvmpool list
	fails 9 "newer" nvmpool carve a 4M
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool pools
	[[ $output == *"newer format"* ]]
}

@test "unknown features: incompat forbids all, ro_compat forbids writing" {
	nvmpool format pool.img --size 64M
	gmb_poke $((0x44)) '\x80'
	works nvmpool carve a 4M
	gmb_poke $((0x48)) '\x80'
	works nvmpool show a
	fails 9 "which allow reading only" nvmpool carve b 4M
	gmb_poke $((0x4c)) '\x80'
	fails 9 "newer" nvmpool show a
}

@test "a damaged copy of the GMB is told of, and the other is used" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	poke pool.img 100 x
	works nvmpool list
	[[ $stderr == *"is damaged, used the other"*"nvmpool check --repair"* ]]
	works nvmpool list -j
	json '(.warnings | length) == 1 and .ok'
	works nvmpool check --repair
	works nvmpool list
	[ -z "$stderr" ]
}

@test "a pool of which every copy is damaged is status 7" {
	local at

	nvmpool format pool.img --size 64M
	for at in 0 4096 $((64 * 1048576 - 4096)); do
		poke pool.img $((at + 100)) x
	done
	fails 7 "damaged in every copy" nvmpool list
	fails_json 7 damaged nvmpool list
	fails 7 "'nvmpool format --force' makes a new one" nvmpool check --repair
	works nvmpool format pool.img --force
	works nvmpool list
}

@test "with a damaged journal a pool is read only, and the line says what mends it" {
	local slot

	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	# the heads of both slots: journal_slot_bytes is at 0x78 of the GMB
	slot=$(od -An -tu8 -j120 -N8 pool.img)
	poke pool.img $((8192 + 100)) x
	poke pool.img $((8192 + slot + 100)) x
	fails 7 "'nvmpool check --repair' mends it" nvmpool carve b 4M
	works nvmpool list
	works nvmpool check --repair
	works nvmpool carve b 4M
}

@test "a pool that was cut short is status 7 and says how much is there" {
	nvmpool format pool.img --size 64M
	truncate -s 60M pool.img
	fails 7 "cut short, 60 MiB of 64 MiB are there" nvmpool list
	fails 7 "cut short" nvmpool carve a 4M
}

@test "a pool that has grown is still the same pool" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	truncate -s 100M pool.img
	works nvmpool list -j
	json '.data.pool.size_bytes == 64 * 1048576 and (.data.children | length) == 1'
}

@test "a child whose extents are lost is told of, and the others are not affected" {
	local at

	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	nvmpool carve b 4M
	at=$(nvmpool map -j | jq '.data.pieces[] | select(.state == "metadata") | .offset_bytes')
	poke pool.img $((at + 200)) x
	poke pool.img $((at + 4096 + 200)) x
	# what the journal still has of it is overwritten by two more transactions
	nvmpool carve c 4M
	nvmpool carve d 4M
	poke pool.img $((at + 200)) y
	poke pool.img $((at + 4096 + 200)) y
	fails 7 "damaged in every copy" nvmpool show a
	works nvmpool show b
	works nvmpool list
	works nvmpool map
	[[ $stderr == *"the extents of 'a' are damaged in every copy"* ]]
	works nvmpool map -j
	json '[.data.pieces[] | select(.state == "used") | .child] == ["b", "c", "d"]'
}

@test "a child whose extents are lost can be given up, and its units come back" {
	local at

	nvmpool format pool.img --size 64M
	nvmpool carve a 48M
	nvmpool carve b 4M
	at=$(nvmpool map -j | jq '.data.pieces[] | select(.state == "metadata") | .offset_bytes')
	nvmpool rename b c
	nvmpool rename c b
	poke pool.img $((at + 200)) x
	poke pool.img $((at + 4096 + 200)) x
	fails 7 "cannot release 'a'" nvmpool release a -y
	fails 2 "give up 'a'" nvmpool release a --force
	works nvmpool release a --force -y
	fails 3 "no child 'a'" nvmpool show a
	works nvmpool check --repair
	works nvmpool carve new 52M
	works nvmpool check
}
