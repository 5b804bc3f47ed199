#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool import.

load common
load hosted
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "a file becomes the contents of a child, from its first byte on" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 10M
	random in 10
	works nvmpool import a in
	[[ -z $output && $stderr == *"verified"* ]]
	cmp -n $((10 << 20)) in pool.img -i 0:"$(offset a)"
}

@test "from standard input, in pieces of any size" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 10M
	random in 7
	{ head -c 3; sleep 0.1; head -c 1234567; sleep 0.1; cat; } <in |
		nvmpool import a -
	nvmpool export a | cmp -n $((7 << 20)) - in
	{ dd bs=1 count=1 of=/dev/null status=none; nvmpool import a -y; } <in
	cmp -n 1000 -i 1:0 in <(nvmpool export a)
}

@test "behind a short image there are zeros, and the pool stays sparse" {
	nvmpool format pool.img --size 256M
	nvmpool carve a 128M
	yes secret | head -c $((32 << 20)) | nvmpool import a
	full=$(stat -c %b pool.img)
	printf short >in
	works nvmpool import a in --yes -j
	json '.data | .read_bytes == 5 and .size_bytes == 128 * 1048576'
	lacks secret pool.img
	[ "$(stat -c %b pool.img)" -lt $((full - (31 << 11))) ]
	nvmpool export a | cmp -n 5 - in
	truncate -s 100M holes
	printf x | dd of=holes bs=1 seek=50000000 conv=notrunc status=none
	works nvmpool import a holes -y -j
	json '.data.data_bytes < 100000'
	cmp -n $((100 << 20)) holes <(nvmpool export a)
}

@test "a child with contents is overwritten after a question only" {
	nvmpool format pool.img --size 64M
	filled a 4
	random other 4
	before=$(sum pool.img)
	fails 2 "overwrite the contents of 'a'" nvmpool import a other
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool import a other -y
	nvmpool export a | cmp - other
	nvmpool carve b 4M --mode raw
	works nvmpool import b other
}

@test "a stamped child keeps its stamp and counts as empty" {
	nvmpool format pool.img --size 256M
	nvmpool carve a 64M --mode devdax
	cp pool.img before.img
	random in 62
	works nvmpool import a in
	cmp -n $((2 << 20)) before.img pool.img -i "$(offset a)"
	nvmpool export a | cmp - in
}

@test "a dry run and a question change nothing" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	random in 4
	before=$(sum pool.img)
	works nvmpool import a in --dry-run
	[ "$before" = "$(sum pool.img)" ]
}

@test "an image that is too long is refused before anything is stored" {
	nvmpool format pool.img --size 64M
	filled a 4
	random long 5
	before=$(sum pool.img)
	fails 5 "make it longer with 'nvmpool resize'" nvmpool import a long -y
	[ "$before" = "$(sum pool.img)" ]
	fails 5 "is longer than 'a'" bash -c 'cat long | nvmpool import a -y'
	[ "$(nvmpool check)" = "no problems" ]
}

@test "sources that cannot be are refused" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	before=$(sum pool.img)
	fails 2 "is the pool itself" nvmpool import a pool.img
	fails 3 "cannot read 'none': no such file or directory" nvmpool import a none
	fails 1 "is a directory" nvmpool import a .
	fails 3 "no child 'z'" nvmpool import z /dev/null
	run script -qec "nvmpool import a" /dev/null
	[[ $status = 2 && $output == *"will not read an image from a terminal"* ]]
	[ "$before" = "$(sum pool.img)" ]
}

@test "a child that a process maps is not written" {
	nvmpool format pool.img --size 256M
	filled a 64
	random other 4
	mapped a
	fails 6 "cannot import into 'a': mapped by pid $vmm (qemu-system-x86_64)" \
		nvmpool import a other -y
	intact a
}

@test "while an import runs nobody else works on the child" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 16M
	nvmpool carve b 4M
	mkfifo pipe
	nvmpool import a pipe 2>/dev/null 3>&- &
	job=$!
	background+=("$job")
	exec 4>pipe
	head -c 3000000 /dev/zero >&4
	until_true leased "$job"
	fails 6 "being written by pid $job (nvmpool)" nvmpool release a -y
	fails 6 "being written by pid $job (nvmpool)" nvmpool export a a.out
	fails 6 "being written by pid $job (nvmpool)" nvmpool import a /dev/null -y
	works nvmpool resize b 8M
	exec 4>&-
	wait "$job"
	works nvmpool export a a.out
}

@test "an interrupted import says what the child holds now" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 16M
	mkfifo pipe
	nvmpool import a pipe 2>err 3>&- &
	job=$!
	exec 4>pipe
	until_true leased "$job"
	kill -TERM "$job"
	ended "$job"
	exec 4>&-
	[ "$status" = 143 ]
	[[ $(cat err) == *"it holds a part of the image"* ]]
	[ "$(nvmpool check --deep)" = "no problems" ]
}

@test "a full disk under a sparse pool is told, and the pool is sound" {
	small_fs small 8m
	nvmpool format small/pool.img --size 64M
	export NVMPOOL=$PWD/small/pool.img
	nvmpool carve a 32M
	random in 30
	fails 5 "cannot store byte 0x" nvmpool import a in
	works nvmpool import a /dev/null -y
	[ "$(nvmpool check --deep)" = "no problems" ]
}

@test "on a full ext4 it is the file system that is told of, not the medium" {
	local bytes

	need_root
	random in 60
	for bytes in 1024 4096; do
		truncate -s 40M ext4.img
		mkfs.ext4 -q -b "$bytes" ext4.img
		mkdir -p "fs$bytes"
		mount -o loop ext4.img "fs$bytes" ||
			skip "cannot mount a loop device here"
		mounted+=("$PWD/fs$bytes")
		NVMPOOL=$PWD/fs$bytes/pool.img
		export NVMPOOL
		nvmpool format "$NVMPOOL" --size 512M
		nvmpool carve a 64M
		fails 5 "no space left on the file system below the pool" \
			nvmpool import a in
		works nvmpool release a -y
		[ "$(nvmpool check --deep)" = "no problems" ]
		rm ext4.img
	done
}

@test "nothing on standard input is no image: the child stays as it was" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	random in 1
	nvmpool import a in
	before=$(sum pool.img)
	fails 1 "standard input is empty: no image, and 'a' is as it was" \
		sh -c "nvmpool export none 2>/dev/null | nvmpool import a -y"
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool import a /dev/null -y
}

@test "an image goes through the pool of another file unchanged" {
	nvmpool format one.img --size 64M --unit 64K
	nvmpool format two.img --size 256M --unit 2M
	nvmpool carve a 10M --pool ./one.img
	nvmpool carve a 10M --pool ./two.img
	random in 10
	nvmpool import a in --pool ./one.img
	nvmpool export a --pool ./one.img | nvmpool import a --pool ./two.img
	nvmpool export a --pool ./two.img | cmp - in
}
