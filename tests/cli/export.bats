#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool export.

load common
load hosted
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "the file is the child's bytes, verified, and for its owner only" {
	nvmpool format pool.img --size 64M
	filled a 10
	works nvmpool export a a.out
	[[ -z $output && $stderr == *"10 MiB of it data"*"verified"* ]]
	cmp a.in a.out
	[ "$(stat -c %a a.out)" = 600 ]
	works nvmpool export a b.out -j
	json '.data | .verified and .size_bytes == 10485760 and
		(.crc32c | test("^[0-9a-f]{8}$"))'
	[ "$(ls)" = "$(printf 'a.in\na.out\nb.out\npool.img')" ]
}

@test "the checksum is the CRC32C of the image" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 2M
	printf 123456789 | nvmpool import a
	works nvmpool export a a.out -j
	json '.data.crc32c == "df1edb1e"'
}

@test "empty space is left out of files and written to pipes" {
	nvmpool format pool.img --size 2G
	nvmpool carve a 1G
	printf x | nvmpool import a
	works nvmpool export a a.out
	[ "$(stat -c %s a.out)" = $((1 << 30)) ]
	[ "$(stat -c %b a.out)" -lt 100 ]
	nvmpool export a >b.out
	[ "$(stat -c %s b.out)" = $((1 << 30)) ]
	[ "$(stat -c %b b.out)" -lt 100 ]
	[ "$(nvmpool export a | wc -c)" = $((1 << 30)) ]
	cmp a.out b.out
}

@test "standard output appended to keeps what was there" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 2M
	echo before >a.out
	nvmpool export a >>a.out
	[ "$(head -n 1 a.out)" = before ]
	[ "$(stat -c %s a.out)" = $(((2 << 20) + 7)) ]
	{ echo before; nvmpool export a -; echo behind; } >b.out
	[ "$(stat -c %s b.out)" = $(((2 << 20) + 14)) ]
	[ "$(tail -n 1 b.out | tr -d '\0')" = behind ]
}

@test "the part that the guest's kernel keeps is not in the image" {
	nvmpool format pool.img --size 256M
	nvmpool carve a 64M --mode fsdax
	random in 62
	nvmpool import a in
	works nvmpool export a a.out
	cmp in a.out
	cmp -n $((62 << 20)) in pool.img -i 0:$(($(offset a) + (2 << 20)))
}

@test "extents come in the order of the child's bytes" {
	nvmpool format pool.img --size 64M
	filled a 4
	nvmpool carve wall 2M
	nvmpool resize a 8M
	random two 8
	nvmpool import a two -y
	[ "$(nvmpool show a -j | jq '.data.extents | length')" = 2 ]
	nvmpool export a | cmp - two
	cmp -n $((4 << 20)) two pool.img -i 0:"$(offset a 0)"
	cmp -n $((4 << 20)) two pool.img -i $((4 << 20)):"$(offset a 1)"
}

@test "a file is overwritten with --force only" {
	nvmpool format pool.img --size 64M
	filled a 4
	echo precious >a.out
	fails 4 "--force overwrites it" nvmpool export a a.out
	[ "$(cat a.out)" = precious ]
	works nvmpool export a a.out --force
	cmp a.in a.out
	ln -s a.out link
	works nvmpool export a link -f
	[ -L link ]
}

@test "never over the pool itself, never to a terminal" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 2M
	before=$(sum pool.img)
	fails 2 "is the pool itself" nvmpool export a pool.img --force
	[ "$before" = "$(sum pool.img)" ]
	run script -qec "nvmpool export a" /dev/null
	[[ $status = 2 && $output == *"will not write an image to a terminal"* ]]
	fails_json 2 usage nvmpool export a
}

@test "what cannot be written is told and leaves no file" {
	nvmpool format pool.img --size 64M
	filled a 10
	small_fs small 1m
	fails 5 "no space left on device" nvmpool export a small/a.out
	[ -z "$(ls -A small)" ]
	fails 1 "cannot write '/dev/full': no space left" nvmpool export a /dev/full || true
	fails 3 "cannot write 'none/a.out': no such file or directory" \
		nvmpool export a none/a.out
	fails 1 "is a directory" nvmpool export a small
	fails 3 "no child 'z'" nvmpool export z z.out
	[ ! -e z.out ]
}

@test "a reader that goes away ends it quietly" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 32M
	run bash -c 'nvmpool export a 2>err | head -c 10 | wc -c; echo "${PIPESTATUS[0]}"'
	[ "${lines[0]}" = 10 ]
	[ "${lines[1]}" = 141 ]
	[[ $(cat err) == *"its reader has gone"* ]]
}

@test "an interrupted export leaves no file and says so" {
	nvmpool format pool.img --size 64M
	filled a 32
	mkfifo pipe
	# bash lets its background jobs ignore SIGINT
	env --default-signal=INT nvmpool export a pipe 2>err 3>&- &
	job=$!
	exec 4<pipe
	until_true leased "$job"
	kill -INT "$job"
	ended "$job"
	exec 4<&-
	[ "$status" = 130 ]
	[[ $(cat err) == *"interrupted by signal 2"* ]]
}

@test "while it is exported a child cannot be changed, others can" {
	nvmpool format pool.img --size 256M
	filled a 32
	nvmpool carve b 4M
	mkfifo pipe
	nvmpool export a >pipe 2>/dev/null 3>&- &
	job=$!
	background+=("$job")
	exec 4<pipe
	until_true leased "$job"
	fails 6 "being read by pid $job (nvmpool)" nvmpool release a -y
	fails 6 "being read by pid $job (nvmpool)" nvmpool resize a +2M
	fails 6 "being read by pid $job (nvmpool)" nvmpool import a a.in -y
	works nvmpool export a second.out
	works nvmpool resize b 8M
	works nvmpool compact -j
	cmp a.in - <&4
	exec 4<&-
	wait "$job"
	works nvmpool release a -y
}

@test "a pool that is cut short meanwhile is an error, not a signal" {
	nvmpool format pool.img --size 256M
	nvmpool carve space 128M
	filled a 64
	mkfifo pipe
	nvmpool export a >pipe 2>err 3>&- &
	job=$!
	exec 4<pipe
	until_true leased "$job"
	truncate -s 130M pool.img
	cat <&4 >/dev/null
	exec 4<&-
	ended "$job"
	[ "$status" = 1 ]
	[[ $(cat err) == *"cannot read byte 0x"*" of 'a'"* ]]
}

@test "a child that a VM maps is exported with a warning" {
	nvmpool format pool.img --size 256M
	filled a 64
	mapped a
	works nvmpool export a a.out
	[[ $stderr == *"warning: 'a' is mapped by pid $vmm"* ]]
	cmp a.in a.out
}
