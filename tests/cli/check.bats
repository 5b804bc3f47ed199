#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool check, on pools with bytes that are not what they should be.  Where
# the tables lie is read from the GMB (docs/format.md).
#
# A page that is still in the journal is mended by any next writer.  So there
# are children on two pages of the NAT, and quiet() fills the journal with the
# second one: then the first, and the bitmap, stand on their own.

load common
load hosted
setup() {
	cli_setup
	nvmpool format pool.img --size 128M >/dev/null
	filled a 4
	nvmpool carve b 8M >/dev/null
	for i in {3..16}; do
		nvmpool carve "c$i" 2M >/dev/null
	done
	nat=$(le64 pool.img 128)
	nat_pages=$(le64 pool.img 136)
	umap=$(le64 pool.img 144)
	umap_pages=$(le64 pool.img 152)
}
teardown() { cli_teardown; }

quiet() {
	nvmpool rename c16 x >/dev/null
	nvmpool rename x c16 >/dev/null
}

@test "a sound pool has no problems, and check does not write" {
	before=$(sum pool.img)
	works nvmpool check
	[ "$output" = "no problems" ]
	works nvmpool check --deep -j
	json '.data | .findings == [] and .problems == 0 and .remaining == 0'
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool check --repair
	[ "$before" = "$(sum pool.img)" ]
}

@test "each damaged copy is found, mended from the other, and stays mended" {
	quiet
	before=$(sum pool.img)
	for at in 0 4096 $(($(stat -c %s pool.img) - 4096)) \
		"$nat" $((nat + nat_pages * 4096)) \
		"$umap" $((umap + umap_pages * 4096)); do
		spoil $((at + 100))
		run --separate-stderr nvmpool check -j
		[ "$status" = 7 ]
		json '.ok == false and .error.code == "damaged" and
			.data.problems == 1 and .data.findings[0].offset_bytes == '"$at"
		works nvmpool check --repair -j
		json '.data | .repaired == 1 and .remaining == 0'
		works nvmpool check
		[ "$before" = "$(sum pool.img)" ]
	done
	intact a
}

@test "check --repair --dry-run says what it would do" {
	quiet
	spoil $((nat + 50))
	before=$(sum pool.img)
	works nvmpool check --repair --dry-run
	[[ $output == *"would be repaired"* ]]
	[ "$before" = "$(sum pool.img)" ]
}

@test "without --repair it says how many it would mend" {
	quiet
	spoil $((nat + 50))
	spoil $((umap + 50))
	run --separate-stderr nvmpool check
	[ "$status" = 7 ]
	[[ $output == *"damaged copy"*"can be repaired"* ]]
	[[ $stderr == *"2 problems found"*"'nvmpool check --repair' mends 2 of them"* ]]
}

@test "a bitmap lost in both copies is built again from the children" {
	quiet
	spoil $((umap + 50))
	spoil $((umap + umap_pages * 4096 + 50))
	fails 7 "is damaged in every copy" nvmpool list
	run --separate-stderr nvmpool check
	[ "$status" = 7 ]
	works nvmpool check --repair
	works nvmpool check
	intact a
	works nvmpool carve c 16M
	intact a
}

@test "a page that the journal still has is mended by the next writer" {
	spoil $((umap + 50))
	spoil $((umap + umap_pages * 4096 + 50))
	works nvmpool list
	intact a
	works nvmpool rename b c
	works nvmpool check --deep
	quiet
	works nvmpool check --deep
}

@test "a table lost in both copies cannot be mended, and nothing is freed" {
	quiet
	spoil $((nat + 50))
	spoil $((nat + nat_pages * 4096 + 50))
	run --separate-stderr nvmpool check --repair
	[ "$status" = 7 ]
	[[ $output == *"lost page"*"cannot be repaired"* ]]
	[[ $stderr == *"cannot be repaired: save what can be read"* ]]
	cmp -n $((4 << 20)) a.in pool.img -i 0:"$((4 << 20))"
}

@test "a free unit that is not zero is found with --deep and cleaned" {
	spoil $((120 << 20))
	works nvmpool check
	run --separate-stderr nvmpool check --deep -j
	[ "$status" = 7 ]
	json '.data.findings | length == 1 and .[0].problem == "not clean"'
	works nvmpool check --deep --repair
	works nvmpool check --deep
	works nvmpool carve c 70M
	nvmpool export c | cmp -n $((70 << 20)) - /dev/zero
}

@test "a pool damaged in every copy of the GMB is status 7, other files 9" {
	for at in 0 4096 $(($(stat -c %s pool.img) - 4096)); do
		spoil $((at + 100))
	done
	fails 7 "damaged" nvmpool check
	head -c 64M /dev/zero >zeros.img
	fails 9 "not a pool" nvmpool check --pool ./zeros.img
}

@test "a file that was cut short is told as such" {
	truncate -s 100M pool.img
	run --separate-stderr nvmpool check
	[ "$status" != 0 ]
	[[ $stderr == *"cut short"* || $stderr == *"smaller than"* ]]
}
