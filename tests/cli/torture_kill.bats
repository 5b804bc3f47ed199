#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# `nvmtorture kill`: real kills on a scratch pool, and nothing of it left.

load common
setup() { cli_setup; }
teardown() {
	[ ! -d ro ] || umount ro 2>/dev/null || true
	cli_teardown
}

# An ext4 of our own (also where the tests run on something else), mounted at fs.
ext4_fs() {
	need_root
	truncate -s 128M ext4.img
	mkfs.ext4 -q ext4.img
	mkdir fs
	mount -o loop ext4.img fs || skip "cannot mount a file here"
	mounted+=("$PWD/fs")
}

# clean DIRECTORY: nothing is there
clean() {
	[ -z "$(find "$1" -mindepth 1 ! -name lost+found)" ]
}

# sound: the last output is of a run in which nothing was wrong
sound() {
	json '.ok and (.data.failures | length == 0) and
		(.data.targets | map(.target) == ["pool", "disk", "child"]) and
		all(.data.targets[]; .failed == 0 and .kills == .rounds and
			.kills == .in_operation + .in_opening + .idle) and
		(.data.kills == (.data.targets | map(.kills) | add)) and .data.acknowledged > 0'
}

@test "on tmpfs: kills hit operations and openings, and everything is there" {
	small_fs fs 128M
	works nvmtorture kill fs --rounds 60 -j
	sound
	json '.data.rounds == 60 and .data.kind == "file on tmpfs" and .data.durable == "never" and
		(.data.targets | map(.in_operation) | add) > 0 and
		(.data.targets | map(.in_opening) | add) > 0'
	clean fs
}

@test "on ext4: the same, and it is never called a loss of power" {
	ext4_fs
	works nvmtorture kill fs --rounds 9 -j --seed 7
	sound
	json '.data.kind == "file on ext4" and .data.durable == "sync"'
	works nvmtorture kill fs --rounds 1
	[[ $output == *"kind: "*"file on ext4"* ]]
	[[ $output == *"nothing about missing flushes"*"nothing about a loss of power"* ]]
	clean fs
}

@test "--time ends it" {
	local begin=$SECONDS

	mkdir dir
	works nvmtorture kill dir --time 1
	[ $((SECONDS - begin)) -le 20 ]
	clean dir
}

@test "--keep leaves pool and disks, which nvmpool and nvmvd find to be good" {
	mkdir dir
	works nvmtorture kill dir --rounds 6 --keep
	[[ $stderr == *"left in 'dir/nvmtorture-"* ]]
	works nvmpool check --pool "$(echo "$PWD"/dir/*/pool)"
	works nvmvd check "$(echo dir/*/disk)" --repair
	works nvmvd check --pool "$(echo "$PWD"/dir/*/pool)" disk --repair
}

@test "a directory that is missing, no directory, read-only or not ours" {
	fails 3 "cannot use 'nowhere': no such file or directory" nvmtorture kill nowhere
	: >file
	fails 1 "cannot use 'file': not a directory" nvmtorture kill file
	fails 2 "bad seed 'x'" nvmtorture kill . --seed x
	mkdir theirs
	status=0
	run --separate-stderr as_nobody nvmtorture kill theirs
	[ "$status" = 8 ]
	[[ $stderr == *"cannot make a directory in 'theirs': permission denied"* ]]
	mkdir ro
	mount -t tmpfs -o ro tmpfs ro || skip "cannot mount a tmpfs here"
	fails 8 "cannot make a directory in 'ro': read-only file system" nvmtorture kill ro
}

@test "a full file system is told, from the beginning or on the way" {
	small_fs fs 1M
	head -c 1M /dev/zero >fs/ballast || true
	fails 5 "no space left in 'fs' for a pool and its disks" nvmtorture kill fs --rounds 30
	[ "$(ls fs)" = ballast ]
	small_fs more 3M
	run --separate-stderr nvmtorture kill more --time 60
	[ "$status" = 5 ]
	[[ $stderr == *"no space left in 'more' after "* ]]
	clean more
}

@test "Ctrl-C ends it, its victim, and leaves nothing" {
	local pid status=0

	mkdir dir
	# A shell's background ignores SIGINT; what is ignored stays so.
	env --default-signal=INT nvmtorture kill dir --time 60 3>&- &
	pid=$!
	until_true compgen -G 'dir/*'
	sleep 0.5
	kill -INT "$pid"
	wait "$pid" || status=$?
	[ "$status" = 130 ]
	clean dir
	run ! pgrep -P "$pid"
}
