#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmvd read, write and trim.

load common
load hosted
load vdisk
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "what is written is read again, at any sector" {
	disk disk.img 16
	random in 1
	head -c 513K in | nvmvd write disk.img 2560 2>/dev/null
	nvmvd read disk.img 2560 513K | cmp -n $((513 << 10)) - in
	nvmvd read disk.img 3072 512 | cmp -n 512 - in -i 0:512
	[ "$(nvmvd read disk.img 0 2560 | tr -d '\0' | wc -c)" = 0 ]
	[ "$(nvmvd read disk.img 0 | wc -c)" = "$(figure disk.img size_bytes)" ]
	[ "$(nvmvd read disk.img 4K 0 | wc -c)" = 0 ]
	sound disk.img
}

@test "each write is told, and counts in JSON" {
	disk disk.img 16
	works nvmvd write disk.img 1M <<<"$(printf %8191s x)"
	[[ -z $output && $stderr == *"wrote 8 KiB to 'disk.img' at 1M"* ]]
	head -c 4K /dev/urandom >in
	run --separate-stderr nvmvd write disk.img 1M -j <in
	json '.data | .target == "disk.img" and .offset_bytes == 1048576 and
		.written_bytes == 4096'
}

@test "a part of a block keeps the rest of it" {
	filled_disk disk.img 16 1
	head -c 512 /dev/urandom >new
	nvmvd write disk.img 4608 <new 2>/dev/null
	cp disk.img.in want
	dd if=new of=want bs=512 seek=9 conv=notrunc status=none
	nvmvd read disk.img 0 1M | cmp - want
	nvmvd trim disk.img 4608 512
	dd if=/dev/zero of=want bs=512 seek=9 count=1 conv=notrunc status=none
	nvmvd read disk.img 0 1M | cmp - want
	sound disk.img
}

@test "an odd length is refused: of a file before anything is written" {
	filled_disk disk.img 16 1
	before=$(sum disk.img)
	head -c 5000 /dev/urandom >odd
	fails 2 "has 5000 bytes, not a multiple of 512" sh -c 'nvmvd write disk.img 0 <odd'
	[ "$before" = "$(sum disk.img)" ]
	fails 2 "has 5000 bytes, not a multiple of 512: what is above that was not written" \
		sh -c 'cat odd | nvmvd write disk.img 0'
	nvmvd read disk.img 0 4608 | cmp -n 4608 - odd
	nvmvd read disk.img 4608 512 | cmp -n 512 - disk.img.in -i 0:4608
	sound disk.img
}

@test "offsets and lengths that cannot be change nothing" {
	filled_disk disk.img 16 1
	size=$(figure disk.img size_bytes)
	before=$(sum disk.img)
	fails 2 "bad offset '100': not a multiple of 512, nearest are 0 and 512" \
		nvmvd read disk.img 100
	fails 2 "bad offset '1G': beyond the end of disk 'disk.img', which has" \
		nvmvd read disk.img 1G
	fails 2 "bad length '16M': beyond the end" nvmvd read disk.img 0 16M
	fails 2 "bad length 'x': must be a number" nvmvd read disk.img 0 x
	fails 2 "bad offset '-1': must be a number" nvmvd read disk.img -1
	fails 2 "bad length '513'" nvmvd trim disk.img 0 513
	fails 2 "bad offset '20M': beyond" nvmvd trim disk.img 20M 0
	fails 2 "missing LENGTH" nvmvd trim disk.img 0
	fails 2 "bad offset '1000'" nvmvd write disk.img 1000 </dev/zero
	fails 5 "standard input is longer than what is left of disk 'disk.img'" \
		sh -c "nvmvd write disk.img $((size - 512)) <disk.img.in"
	[ "$before" = "$(sum disk.img)" ]
	fails 5 "(512 B), which was written" \
		sh -c "cat disk.img.in | nvmvd write disk.img $((size - 512))"
	nvmvd read disk.img $((size - 512)) | cmp -n 512 - disk.img.in
}

@test "no input, a terminal and the disk itself are no data to write" {
	filled_disk disk.img 16 1
	fails 1 "standard input is empty, and 'disk.img' is as it was" \
		sh -c 'true | nvmvd write disk.img 0'
	fails 2 "is the disk itself" sh -c 'nvmvd write disk.img 0 <disk.img'
	run script -qec "nvmvd write disk.img 0" /dev/null
	[[ $status = 2 && $output == *"from a terminal"* ]]
	same_disk disk.img
}

@test "--atomic takes up to 256K in whole blocks" {
	disk disk.img 16
	random in 1
	head -c 256K in | nvmvd write disk.img 4K --atomic 2>/dev/null
	nvmvd read disk.img 4K 256K | cmp -n $((256 << 10)) - in
	head -c 512 in | nvmvd write disk.img 1536 --atomic 2>/dev/null
	nvmvd read disk.img 1536 512 | cmp -n 512 - in
	before=$(sum disk.img)
	fails 2 "longer than 256K" sh -c 'nvmvd write disk.img 0 --atomic <in'
	fails 2 "must be whole blocks of 4K, or lie in one" \
		sh -c 'head -c 8K in | nvmvd write disk.img 512 --atomic'
	fails 2 "must be whole blocks" \
		sh -c 'head -c 1K in | nvmvd write disk.img 3584 --atomic'
	nvmvd read disk.img 4K 256K | cmp -n $((256 << 10)) - in
}

@test "trim frees blocks, and they read as zeros" {
	filled_disk disk.img 64 20
	works nvmvd trim disk.img 1M 10M -j
	json '.data | .offset_bytes == 1048576 and .length_bytes == 10485760 and
		.freed_bytes == 10485760'
	dd if=/dev/zero of=disk.img.in bs=1M seek=1 count=10 conv=notrunc status=none
	same_disk disk.img
	works nvmvd trim disk.img 0 60M -j
	json '.data.freed_bytes == 10485760'
	works nvmvd trim disk.img 0 60M -j
	json '.data.freed_bytes == 0'
	[ "$(figure disk.img mapped_blocks)" = 0 ]
	sound disk.img
}

@test "a dry run reads its input and changes nothing" {
	filled_disk disk.img 16 1
	before=$(sum disk.img)
	head -c 8K /dev/urandom >in
	works sh -c 'nvmvd write disk.img 0 --dry-run <in'
	works nvmvd trim disk.img 0 1M -n -j
	json '.data | .dry_run and .freed_bytes == 1048576'
	[ "$before" = "$(sum disk.img)" ]
}

@test "a damaged block is named, what lies before it is read" {
	filled_disk disk.img 16 1
	rot disk.img 5
	run --separate-stderr nvmvd read disk.img 16K 16K
	[ "$status" = 7 ]
	[[ $stderr == *"block 5 (byte 0x5000) of disk 'disk.img' is damaged"* ]]
	nvmvd read disk.img 16K 16K 2>/dev/null | cmp -n 4096 - disk.img.in -i 0:16384
	[ "$(nvmvd read disk.img 16K 16K 2>/dev/null | wc -c)" = 4096 ]
	[ "$(nvmvd read disk.img 16K 16K --no-verify | wc -c)" = 16384 ]
	# writing a part of it would make it look sound
	fails 1 "damaged data" sh -c 'head -c 512 disk.img.in | nvmvd write disk.img 20K'
	fails 1 "damaged data" nvmvd trim disk.img 20K 512
	head -c 4K disk.img.in | nvmvd write disk.img 20K 2>/dev/null
	nvmvd read disk.img 20K 4K | cmp -n 4096 - disk.img.in
	sound disk.img
}

@test "each kind of guard writes the same" {
	disk disk.img 16
	for guard in auto none mprotect map pkey; do
		random in 1
		run --separate-stderr sh -c "nvmvd write disk.img 0 --guard $guard <in"
		# only some processors have keys
		[[ $status != 10 || $guard != pkey ]] || continue
		[ "$status" = 0 ]
		nvmvd read disk.img 0 1M | cmp - in
		nvmvd trim disk.img 0 512K --guard "$guard"
		[ "$(nvmvd read disk.img 0 512K | tr -d '\0' | wc -c)" = 0 ]
	done
	sound disk.img
	fails 2 "bad value 'strong' for --guard, must be one of: auto, none" \
		nvmvd trim disk.img 0 4K --guard strong
}

@test "to a terminal, in JSON and to the disk itself nothing is read" {
	filled_disk disk.img 16 1
	run script -qec "nvmvd read disk.img 0 4K" /dev/null
	[[ $status = 2 && $output == *"will not write an image to a terminal"* ]]
	fails_json 2 usage nvmvd read disk.img 0 4K
	fails 2 "is the disk itself" sh -c 'nvmvd read disk.img 0 4K >>disk.img'
	same_disk disk.img
}

@test "a reader that goes away ends it quietly" {
	filled_disk disk.img 64 30
	run bash -c 'nvmvd read disk.img 0 2>err | head -c 1 | wc -c; echo "${PIPESTATUS[0]}"'
	[ "${lines[0]}" = 1 ]
	[ "${lines[1]}" = 141 ]
	[[ $(cat err) == *"its reader has gone"* ]]
}

@test "an interrupted write says how much it wrote, and the disk is closed" {
	disk disk.img 64
	mkfifo pipe
	random in 2
	nvmvd write disk.img 0 <pipe 2>err 3>&- &
	job=$!
	exec 4>pipe
	cat in >&4
	until_true eval '[ "$(stat -c %b disk.img)" -gt 4096 ]'
	kill -TERM "$job"
	exec 4>&-
	ended "$job"
	[ "$status" = 143 ]
	[[ $(cat err) == *"interrupted by signal 15: "*" bytes were written"* ]]
	[ "$(figure disk.img clean)" = true ]
	sound disk.img
}

@test "a disk whose process was killed recovers what it had acknowledged" {
	disk disk.img 64
	mkfifo pipe
	random in 4
	nvmvd write disk.img 0 <pipe 2>/dev/null 3>&- &
	job=$!
	exec 4>pipe
	cat in >&4
	until_true eval '[ "$(stat -c %b disk.img)" -gt 9000 ]'
	kill -KILL "$job"
	exec 4>&-
	ended "$job"
	[ "$(figure disk.img clean)" = false ]
	works nvmvd info disk.img
	[[ $output == *"not closed cleanly"* ]]
	nvmvd read disk.img 0 3M | cmp -n $((3 << 20)) - in
	nvmvd trim disk.img 60M 4K
	[ "$(figure disk.img clean)" = true ]
	nvmvd read disk.img 0 3M | cmp -n $((3 << 20)) - in
	sound disk.img
}
