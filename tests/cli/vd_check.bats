#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmvd check and map, on disks with bytes that are not what they should be.

load common
load hosted
load vdisk
setup() {
	cli_setup
	filled_disk disk.img 64 10
}
teardown() { cli_teardown; }

# spoiled OFFSET [BYTES]: other bytes in disk.img
spoiled() {
	head -c "${2:-16}" /dev/urandom | dd of=disk.img bs=1 seek="$1" conv=notrunc status=none
}

# finds PROBLEM [OPTION]...: check ends with 7 and names exactly that
finds() {
	run --separate-stderr nvmvd check disk.img -j "${@:2}"
	[ "$status" = 7 ] || explain "not 7: check" || return 1
	json ".ok == false and .error.code == \"damaged\" and
		(.data.findings | length == 1 and .[0].problem == \"$1\")"
}

@test "a sound disk has no problems, and check does not write" {
	nvmvd trim disk.img 1M 1M
	before=$(sum disk.img)
	works nvmvd check disk.img
	[ "$output" = "no problems" ]
	works nvmvd check disk.img --quick -j
	json '.data | .findings == [] and .problems == 0 and .remaining == 0'
	[ "$before" = "$(sum disk.img)" ]
	works nvmvd check disk.img --repair
	[ "$output" = "no problems" ]
	nvmvd read disk.img 0 1M | cmp -n $((1 << 20)) - disk.img.in
}

@test "damaged data are found unless --quick, and cannot be mended" {
	at=$(place disk.img 5)
	rot disk.img 5
	finds "damaged data"
	json ".data.findings[0] | .logical_block == 5 and .offset_bytes == $at and
		.extent == 0 and .outcome == \"cannot be repaired\""
	works nvmvd check disk.img --quick
	run --separate-stderr nvmvd check disk.img --repair
	[ "$status" = 7 ]
	[[ $output == *"damaged data"*"cannot be repaired"* ]]
	[[ $stderr == *"1 problem on disk 'disk.img' cannot be repaired: save what can be read with 'nvmvd export --skip-damaged'"* ]]
	nvmvd trim disk.img 20K 4K
	sound disk.img
}

@test "one wrong bit of data is mended" {
	at=$(place disk.img 5)
	byte=$(od -An -tu1 -j $((at + 9)) -N 1 disk.img)
	poke disk.img $((at + 9)) "$(printf '\\x%02x' $((byte ^ 16)))"
	finds "damaged data"
	before=$(sum disk.img)
	works nvmvd check disk.img --repair --dry-run
	[[ $output == *"would be repaired"* ]]
	[ "$before" = "$(sum disk.img)" ]
	works nvmvd check disk.img --repair -j
	json '.data | .repaired == 1 and .remaining == 0'
	sound disk.img
	same_disk disk.img
}

@test "each damaged copy of the super block is found and mended" {
	for at in 0 4096 $(((64 << 20) - 4096)); do
		spoiled $((at + 200))
		finds "damaged super block" --quick
		json ".data.findings[0].offset_bytes == $at and .data.findings[0].outcome == \"can be repaired\""
		run --separate-stderr nvmvd check disk.img
		[[ $stderr == *"1 problem found on disk 'disk.img'; 'nvmvd check --repair' mends 1 of them"* ]]
		works nvmvd check disk.img --repair
		sound disk.img
		same_disk disk.img
	done
}

@test "a damaged segment header, and a damaged page of the map" {
	spoiled 8300
	finds "damaged segment header" --quick
	works nvmvd check disk.img --repair
	sound disk.img
	spoiled $((8192 + 4096 + 100))
	works nvmvd check disk.img --repair
	sound disk.img
	same_disk disk.img
}

@test "a disk lost in every copy of the super block is status 7, other files 9" {
	for at in 0 4096 $(((64 << 20) - 4096)); do
		spoiled $((at + 200))
	done
	before=$(sum disk.img)
	fails 7 "is damaged in every copy, and with it the disk" nvmvd check disk.img
	fails 7 "damaged" nvmvd check disk.img --repair
	fails 4 "holds a virtual disk, which is damaged" nvmvd create disk.img
	[ "$before" = "$(sum disk.img)" ]
	truncate -s 16M zeros
	fails 9 "there is no virtual disk; 'nvmvd create' makes one" nvmvd check zeros
	echo short >short
	fails 9 "'short' is no virtual disk: shorter than any" nvmvd check short
	fails 9 "no virtual disk" nvmvd info zeros
}

@test "a disk that was cut short is told as such, and mended by its length" {
	truncate -s 40M disk.img
	fails 7 "it is cut short, 40 MiB of 64 MiB are there" nvmvd check disk.img
	fails 7 "cut short" nvmvd import disk.img disk.img.in -y
	truncate -s 64M disk.img
	same_disk disk.img
}

@test "a disk of a newer format is refused by name" {
	poke disk.img 12 '\x63'
	poke disk.img 4108 '\x63'
	poke disk.img $(((64 << 20) - 4096 + 12)) '\x63'
	for at in 0 4096 $(((64 << 20) - 4096)); do
		page_seal disk.img "$at"
	done
	fails 9 "newer than this program knows" nvmvd check disk.img
	fails 4 "holds a virtual disk" nvmvd create disk.img
}

@test "any bytes anywhere end in a message, never in a crash" {
	cp disk.img sound.img
	for seed in {1..40}; do
		cp --sparse=always sound.img disk.img
		RANDOM=$seed
		for _ in 1 2 3 4 5; do
			spoiled $(((RANDOM << 15 | RANDOM) % (2 << 20))) $((RANDOM % 200 + 1))
		done
		# half of them behind a checksum that is right
		((seed % 2)) || {
			poke disk.img $((RANDOM % 1024 + 48)) "\\x$((RANDOM % 90 + 10))"
			page_seal disk.img 0
			head -c 4096 disk.img | dd of=disk.img bs=4096 seek=1 conv=notrunc status=none
		}
		for command in "info disk.img" "check disk.img" "map disk.img --blocks" \
			"check disk.img --repair -n" "export disk.img out -f --skip-damaged" \
			"trim disk.img 1M 1M" "resize disk.img 16M -y"; do
			# shellcheck disable=SC2086
			run timeout 20 nvmvd $command
			[ "$status" -le 11 ] || { echo "seed $seed: $command: $status $output"; return 1; }
		done
	done
}

@test "map draws the area and the disk" {
	works nvmvd map disk.img
	[[ $output == *"       0 B  ###"*"# in use   o mostly   , partly   . free"* ]]
	[[ $output == *"10 MiB of "*" in use; "*" of blocks free, 0 trim logs, 0 retired" ]]
	works nvmvd map disk.img --logical --width 60
	[[ $output == *"each character is "*" of the disk"* ]]
	run ! grep -E '.{61}' <<<"$(head -n 16 <<<"$output")"
	lacks $'\e' <<<"$output"
	works nvmvd map disk.img -j
	json '[.data.cells[].mapped] | add == 2560'
	json '[.data.cells[].blocks] | add == '"$(figure disk.img physical_blocks)"
	works nvmvd map disk.img -j --logical
	json '[.data.cells[].mapped] | add == 2560'
}

@test "map --blocks tells where each byte lies" {
	nvmvd trim disk.img 1M 1M
	works nvmvd map disk.img --blocks -j
	json '[.data.ranges[] | select(.extent != null) | .size_bytes] | add == 9 * 1048576'
	json "[.data.ranges[].size_bytes] | add == $(figure disk.img size_bytes)"
	works nvmvd map disk.img --blocks 2M 4K -j
	json '.data.ranges | length == 1 and .[0].offset_bytes == 2097152 and .[0].size_bytes == 4096'
	at=$(jq '.data.ranges[0].extent_offset_bytes' <<<"$output")
	cmp -n 4096 -i "$at":$((2 << 20)) disk.img disk.img.in
	works nvmvd map disk.img --blocks 1M 1M
	[[ $output == *"0x100000 1 MiB"*"-"* ]]
	fails 2 "bad offset '512': not a multiple of 4096" nvmvd map disk.img --blocks 512
	fails 2 "OFFSET and LENGTH are for --blocks" nvmvd map disk.img 1M
}
