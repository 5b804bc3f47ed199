#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmvd export and import.

load common
load hosted
load vdisk
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "an image goes in and comes out unchanged, verified, with one checksum" {
	disk disk.img 64
	random in 10
	works nvmvd import disk.img in -j
	json '.data | .verified and .read_bytes == 10485760 and
		.data_bytes == 10485760'
	crc=$(jq .data.crc32c <<<"$output")
	works nvmvd export disk.img out -j
	json ".data | .verified and .data_bytes == 10485760 and .crc32c == $crc and
		.damaged_count == 0 and .file == \"out\""
	cmp -n $((10 << 20)) in out
	[ "$(stat -c '%s %a' out)" = "$(figure disk.img size_bytes) 600" ]
	[ "$(stat -c %b out)" -lt $((11 << 11)) ]
	[ "$(ls)" = "$(printf 'disk.img\nin\nout')" ]
	sound disk.img
}

@test "the checksum is the CRC32C of the image" {
	nvmvd create disk.img --size 8M --logical 4K >/dev/null
	printf 123456789 | nvmvd import disk.img 2>/dev/null
	crc=$({ printf 123456789; head -c 4087 /dev/zero; } | "$BATS_TEST_DIRNAME/crc32c")
	works nvmvd export disk.img out -j
	hex=$(jq -r .data.crc32c <<<"$output")
	[ "$crc" = "\\x${hex:6:2}\\x${hex:4:2}\\x${hex:2:2}\\x${hex:0:2}" ]
}

@test "people are told on standard error" {
	disk disk.img 64
	random in 1
	works nvmvd import disk.img in
	[[ -z $output && $stderr == *"imported in into 'disk.img': 1 MiB, 1 MiB of it data, zeros behind it, crc32c "*", verified"* ]]
	works nvmvd export disk.img out
	[[ -z $output && $stderr == *"exported 'disk.img' to 'out': "*"1 MiB of it data, crc32c "*", verified"* ]]
}

@test "through pipes, in pieces of any size" {
	disk disk.img 64
	random in 7
	{ head -c 3; sleep 0.1; head -c 1234567; sleep 0.1; cat; } <in |
		nvmvd import disk.img - 2>/dev/null
	nvmvd export disk.img 2>/dev/null | cmp -n $((7 << 20)) - in
	{ dd bs=1 count=1 of=/dev/null status=none; nvmvd import disk.img -y; } <in 2>/dev/null
	cmp -n 1000 -i 1:0 in <(nvmvd export disk.img 2>/dev/null)
	nvmvd create other.img --size 64M >/dev/null
	nvmvd export disk.img 2>/dev/null | nvmvd import other.img 2>/dev/null
	cmp <(nvmvd export disk.img 2>/dev/null) <(nvmvd export other.img 2>/dev/null)
	sound other.img
}

@test "holes and zeros take no blocks, and free those of former data" {
	filled_disk disk.img 64 40
	truncate -s 50M holes
	printf x | dd of=holes bs=1 seek=30000000 conv=notrunc status=none
	head -c 4M /dev/zero | dd of=holes bs=1M seek=5 conv=notrunc status=none
	works nvmvd import disk.img holes -y -j
	json '.data.data_bytes == 4096'
	[ "$(figure disk.img mapped_blocks)" = 1 ]
	cmp -n $((50 << 20)) holes <(nvmvd export disk.img 2>/dev/null)
	# a short image has zeros behind it
	printf short | nvmvd import disk.img -y 2>/dev/null
	[ "$(nvmvd export disk.img 2>/dev/null | tr -d '\0')" = short ]
	sound disk.img
}

@test "a sparse file is written on standard output, too, and appended to" {
	filled_disk disk.img 64 1
	nvmvd export disk.img >out 2>/dev/null
	[ "$(stat -c %b out)" -lt $((2 << 11)) ]
	echo before >out
	nvmvd export disk.img >>out 2>/dev/null
	[ "$(head -n 1 out)" = before ]
	[ "$(stat -c %s out)" = $(($(figure disk.img size_bytes) + 7)) ]
}

@test "a disk with contents is overwritten after a question only" {
	filled_disk disk.img 16 1
	random other 1
	fails 2 "overwrite the contents of disk 'disk.img' (1 MiB)? no terminal to ask on; say --yes" \
		nvmvd import disk.img other
	same_disk disk.img
	works nvmvd import disk.img other --yes
	nvmvd export disk.img 2>/dev/null | cmp -n $((1 << 20)) - other
}

@test "an image that is too long is refused before anything is written" {
	filled_disk disk.img 16 1
	random long 17
	before=$(sum disk.img)
	fails 5 "long has 17 MiB, and disk 'disk.img' has room for" nvmvd import disk.img long -y
	[ "$before" = "$(sum disk.img)" ]
	fails 5 "is longer than disk 'disk.img'" sh -c 'cat long | nvmvd import disk.img -y'
	sound disk.img
}

@test "sources and targets that cannot be are refused, and nothing is lost" {
	filled_disk disk.img 16 1
	before=$(sum disk.img)
	fails 2 "is the disk itself" nvmvd import disk.img disk.img -y
	fails 2 "is the disk itself" nvmvd export disk.img disk.img --force
	fails 3 "cannot read 'none': no such file or directory" nvmvd import disk.img none
	fails 1 "is a directory" nvmvd import disk.img .
	fails 1 "is a directory" nvmvd export disk.img .
	fails 3 "cannot write 'none/out'" nvmvd export disk.img none/out
	fails 5 "cannot write '/dev/full': no space left on device" nvmvd export disk.img /dev/full
	fails_json 2 usage nvmvd export disk.img
	run script -qec "nvmvd export disk.img" /dev/null
	[[ $status = 2 && $output == *"will not write an image to a terminal"* ]]
	echo precious >out
	fails 4 "--force overwrites it" nvmvd export disk.img out
	[ "$(cat out)" = precious ]
	[ "$before" = "$(sum disk.img)" ]
	fails 1 "standard input is empty: no image, and 'disk.img' is as it was" \
		sh -c 'true | nvmvd import disk.img -y'
	works nvmvd export disk.img out --force
	same_disk disk.img
}

@test "a dry run of an import looks at all but the bytes" {
	filled_disk disk.img 16 1
	random in 1
	before=$(sum disk.img)
	works nvmvd import disk.img in --dry-run
	[ "$before" = "$(sum disk.img)" ]
}

@test "a damaged block ends an export, and leaves no file" {
	filled_disk disk.img 16 1
	rot disk.img 7
	fails 7 "block 7 (byte 0x7000) of disk 'disk.img' is damaged" nvmvd export disk.img out
	[ ! -e out ]
	[ "$(ls)" = "$(printf 'disk.img\ndisk.img.in')" ]
}

@test "--skip-damaged puts zeros there, names each, and ends with 11" {
	filled_disk disk.img 16 1
	rot disk.img 0
	rot disk.img 7
	rot disk.img 255
	run --separate-stderr nvmvd export disk.img out --skip-damaged
	[ "$status" = 11 ]
	[[ $stderr == *"warning: block 7 (byte 0x7000) is damaged: zeros in its place"* ]]
	[[ $stderr == *"disk 'disk.img' has 3 damaged blocks: the image has zeros there"* ]]
	for block in 0 7 255; do
		dd if=/dev/zero of=disk.img.in bs=4K seek="$block" count=1 conv=notrunc status=none
	done
	cmp -n $((1 << 20)) out disk.img.in
	run --separate-stderr nvmvd export disk.img out --skip-damaged --force -j
	[ "$status" = 11 ]
	json '.ok == false and .error.code == "partial" and
		.data.damaged_count == 3 and
		.data.damaged_offsets_bytes == [0, 28672, 1044480] and .data.verified'
	run --separate-stderr sh -c 'nvmvd export disk.img --skip-damaged >out2'
	[ "$status" = 11 ]
	cmp out out2
}

@test "--no-verify takes damaged blocks as they are" {
	filled_disk disk.img 16 1
	rot disk.img 7
	works nvmvd export disk.img out --no-verify
	[ "$(cmp -l -n $((1 << 20)) out disk.img.in | awk '$1 <= 28672 || $1 > 32768' | wc -l)" = 0 ]
	run cmp -s -n $((1 << 20)) out disk.img.in
	[ "$status" = 1 ]
}

@test "a reader that goes away ends an export quietly" {
	filled_disk disk.img 64 30
	run bash -c 'nvmvd export disk.img 2>err | head -c 1 | wc -c; echo "${PIPESTATUS[0]}"'
	[ "${lines[0]}" = 1 ]
	[ "${lines[1]}" = 141 ]
	[[ $(cat err) == *"its reader has gone"* ]]
	[ "$(wc -l <err)" = 1 ]
}

@test "an interrupted import leaves a sound disk, and says what is on it" {
	disk disk.img 64
	random in 8
	mkfifo pipe
	# bash lets its background jobs ignore SIGINT
	env --default-signal=INT nvmvd import disk.img pipe 2>err 3>&- &
	job=$!
	exec 4>pipe
	cat in >&4
	until_true eval '[ "$(stat -c %b disk.img)" -gt 12000 ]'
	kill -INT "$job"
	exec 4>&-
	ended "$job"
	[ "$status" = 130 ]
	[[ $(cat err) == *"interrupted by signal 2: it holds a part of the image"* ]]
	[ "$(figure disk.img clean)" = true ]
	sound disk.img
	nvmvd export disk.img 2>/dev/null | cmp -n $((4 << 20)) - in
	works nvmvd import disk.img in -y
	sound disk.img
}

@test "an interrupted export leaves no file and says so" {
	filled_disk disk.img 64 40
	mkfifo pipe
	env --default-signal=INT nvmvd export disk.img pipe 2>err 3>&- &
	job=$!
	exec 4<pipe
	until_true locked disk.img
	head -c 1M <&4 >/dev/null
	kill -INT "$job"
	ended "$job"
	exec 4<&-
	[ "$status" = 130 ]
	[[ $(cat err) == *"interrupted by signal 2"* ]]
}

@test "a full file system below a disk is told, and the disk stays sound" {
	small_fs small 24m
	nvmvd create small/disk.img --size 64M >/dev/null
	random in 40
	fails 5 "no space left on the file system below it" nvmvd import small/disk.img in
	sound small/disk.img
	nvmvd export small/disk.img 2>/dev/null | cmp -n $((10 << 20)) - in
}

@test "on a full ext4 too" {
	need_root
	truncate -s 40M ext4.img
	mkfs.ext4 -q ext4.img
	mkdir fs
	mount -o loop ext4.img fs || skip "cannot mount a loop device here"
	mounted+=("$PWD/fs")
	nvmvd create fs/disk.img --size 256M >/dev/null
	random in 60
	fails 5 "no space left on the file system below it" nvmvd import fs/disk.img in
	sound fs/disk.img
	fails 5 "no space left on device" nvmvd export fs/disk.img fs/out
	[ "$(ls fs)" = "$(printf 'disk.img\nlost+found')" ]
}

@test "a file that is cut short meanwhile is an error, not a signal" {
	filled_disk disk.img 64 40
	mkfifo pipe
	nvmvd export disk.img pipe 2>err 3>&- &
	job=$!
	exec 4<pipe
	head -c 1M <&4 >/dev/null
	truncate -s 8M disk.img
	cat <&4 >/dev/null
	exec 4<&-
	ended "$job"
	[ "$status" = 7 ]
	[[ $(cat err) == *"is damaged: it cannot be read"* ]]
}

@test "a progress bar is shown on a terminal only" {
	disk disk.img 64
	mkfifo pipe
	{ head -c 4M /dev/urandom; sleep 1; head -c 4M /dev/urandom; } >pipe &
	background+=($!)
	TERM=xterm run script -qec "nvmvd import disk.img pipe" /dev/null
	[ "$status" = 0 ]
	[[ $output == *"importing ["* ]]
	works nvmvd export disk.img out
	lacks "[" <<<"$stderr"
}
