#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154
#
# `nvmpool doctor`: what the backing and the machine give, by trying.

load common

setup() { cli_setup; }
teardown() { cli_teardown; }

# An ext4 of our own (also where the tests run on something else), mounted at fs.
ext4_fs() {
	need_root
	truncate -s 64M ext4.img
	mkfs.ext4 -q ext4.img
	mkdir fs
	mount -o loop ext4.img fs || skip "cannot mount a file here"
	mounted+=("$PWD/fs")
}

@test "without a pool it tells of the machine and how to begin" {
	works nvmpool doctor
	[[ $output == *"QEMU: "*"version "* ]]
	[[ $output == *"accelerator: "* ]]
	[[ $output == *"there is no pool yet: \`nvmpool format FILE --size SIZE\`"* ]]
	works nvmpool doctor -j
	json '(.data.qemu_version | test("^[0-9]+\\.[0-9]+\\.[0-9]+$")) and .data.qemu_offset and
		(.data.accel == "kvm" or .data.accel == "tcg") and (.data | has("verdict") | not) and
		(.data.next | length == 1)'
}

@test "a pool on a disk: what was flushed survives, and the pool is unchanged" {
	ext4_fs
	nvmpool format fs/pool.img --size 64M >/dev/null
	before=$(sum fs/pool.img) stamp=$(stat -c %y%z fs/pool.img)
	works nvmpool doctor -j
	json '.data.kind == "file on ext4" and .data.device == "virtio-pmem" and
		(.data.trials | map(select(.what == "fsync"))[0].result == "yes") and
		(.data.trials | map(select(.what == "hole_punching"))[0].result == "yes") and
		(.data.trials | map(select(.what == "map_sync"))[0].result == "no") and
		(.data.verdict | map(.survives) == ["everything", "everything", "what was flushed"])'
	[ "$(sum fs/pool.img)" = "$before" ]
	[ "$(stat -c %y%z fs/pool.img)" = "$stamp" ]
	[ "$(find fs -mindepth 1 ! -path fs/lost+found)" = fs/pool.img ]
}

@test "a pool on tmpfs: nothing survives the host" {
	small_fs fs 128M
	nvmpool format fs/pool.img --size 100M >/dev/null
	works nvmpool doctor
	[[ $output == *"host power loss or crash nothing sure"* ]]
	[[ $output == *"nothing here survives a reboot"* ]]
	works nvmpool doctor --backing fs -j
	json '.data.kind == "file on tmpfs" and .data.durable == "never"'
}

@test "a child given as NVDIMM on a plain file is judged as such" {
	ext4_fs
	nvmpool format fs/pool.img --size 64M >/dev/null
	nvmpool assign vm1 4M --device nvdimm >/dev/null 2>&1
	nvmpool assign vm2 4M >/dev/null
	works nvmpool doctor vm1 -j
	json '.data.device == "nvdimm" and .data.mode == "devdax" and
		(.data.verdict | map(.survives) == ["everything", "everything", "nothing sure"])'
	works nvmpool doctor vm2 -j
	json '.data.device == "virtio-pmem" and .data.verdict[2].survives == "what was flushed"'
	fails 3 "no child 'vm3'" nvmpool doctor vm3
}

@test "a place without a pool: a directory, an empty file" {
	mkdir place
	: >empty
	works nvmpool doctor --backing place
	[[ $output == *"directory: "*"$PWD/place"* ]]
	[[ $output == *"make a pool here"* ]]
	[ -z "$(ls -A place)" ]
	works nvmpool doctor --backing empty -j
	json '.data.verdict | length == 3'
	[ ! -s empty ]
}

@test "a block device is read only, through the page cache" {
	ext4_fs
	device=$(findmnt -no SOURCE "$PWD/fs")
	[ -b "$device" ]
	before=$(sum ext4.img)
	works nvmpool doctor --backing "$device" -j
	json '.data.kind == "block" and .data.device == "virtio-pmem" and
		(.data.trials | map(.result) | contains(["not tried"]))'
	[ "$(sum ext4.img)" = "$before" ]
}

@test "what cannot be looked at is told" {
	fails 3 "cannot open 'nowhere'" nvmpool doctor --backing nowhere
	fails 10 "/dev/null" nvmpool doctor --backing /dev/null
	fails 2 "CHILD belongs to a pool" nvmpool doctor vm1 --backing .
	fails 3 "no pool" nvmpool doctor vm1
}

@test "a directory that may not be written is told" {
	need_root
	chmod -R a+rx "$BATS_RUN_TMPDIR"
	mkdir locked
	status=0
	run --separate-stderr as_nobody env NVMPOOL_STATE_DIR=/nowhere nvmpool \
		doctor --backing locked
	[ "$status" = 8 ]
	[[ $stderr == *"cannot make a scratch file in '$PWD/locked': permission denied"* ]]
}

@test "no QEMU, or not a QEMU: status 10, and what to do" {
	run --separate-stderr nvmpool doctor --qemu no-such-qemu
	[ "$status" = 10 ]
	[[ $output == *"install QEMU 8.1 or newer"* ]]
	[[ $stderr == *"there is no 'no-such-qemu' in PATH"* ]]
	run --separate-stderr nvmpool doctor --qemu true -j
	[ "$status" = 10 ]
	json '.ok == false and .error.code == "unsupported" and .data.qemu_path == null'
}

# What an older QEMU says of itself: no offset, no libpmem.
old_qemu() {
	cat >old-qemu <<-'EOF'
	#!/bin/sh
	echo '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}}}}'
	while read -r line; do
		case $line in
		*"'file'"*)	echo '{"return": [{"name": "size"}], "id": "file"}' ;;
		*"'devices'"*)	echo '{"return": [{"name": "nvdimm"}], "id": "devices"}' ;;
		*"'pmem'"*)	echo '{"error": {"class": "GenericError"}, "id": "pmem"}' ;;
		*quit*)		exit 0 ;;
		esac
	done
	EOF
	chmod +x old-qemu
}

@test "a QEMU without offset= is not good enough" {
	old_qemu
	run --separate-stderr nvmpool doctor --qemu "$PWD/old-qemu" -j
	[ "$status" = 10 ]
	json '.data.qemu_version == "7.2.0" and .data.qemu_offset == false and
		.data.qemu_nvdimm and (.data.qemu_virtio_pmem | not) and (.data.qemu_pmem | not) and
		(.data.next | any(.step | test("offset=")))'
}

@test "--accel prints one word, within three seconds" {
	begin=$SECONDS
	works nvmpool doctor --accel
	[ $((SECONDS - begin)) -le 5 ]
	[ "$output" = kvm ] || [ "$output" = tcg ]
	accel=$output
	[ -e /dev/kvm ] || [ "$accel" = tcg ]
	grep -qwE 'vmx|svm' /proc/cpuinfo || [ "$accel" = tcg ]
	works nvmpool doctor --accel -j
	json ".data.accel == \"$accel\" and (.data.accel_reason | length > 0)"
	# and what it says is so: a machine starts with it
	echo '{"execute":"qmp_capabilities"}{"execute":"quit"}' |
		qemu-system-x86_64 -accel "$accel" -S -nodefaults -display none -qmp stdio
}

# only_lost_found: nothing was left in fs
only_lost_found() {
	[ -z "$(find fs -mindepth 1 ! -path fs/lost+found)" ]
}

# self_tested KIND: the last output is of a self-test in which nothing was wrong
self_tested() {
	json ".ok and .data.kind == \"$1\" and (.data.failures | length == 0) and
		(.data.selftest | map(.tried) == [\"power_losses\", \"kills\"]) and
		all(.data.selftest[]; .count > 0 and .wrong == 0) and
		(.data.not_shown | test(\"power\")) and (.data | has(\"next\") | not)"
}

@test "--selftest on a disk: simulated losses in memory, real kills there, nothing left" {
	ext4_fs
	works nvmpool doctor --selftest fs --selftest-time 4 -j
	self_tested "file on ext4"
	only_lost_found
	works nvmpool doctor --selftest "$PWD/fs" --selftest-time 2
	[[ $output == *"simulated power losses, in memory"*" images of "*" cases, none wrong"* ]]
	[[ $output == *"killed processes, on $PWD/fs (file on ext4)"*" kills, "*", none wrong"* ]]
	[[ $output == *"Neither shows what this backing keeps when the power goes."* ]]
	only_lost_found
}

@test "--selftest on tmpfs says that nothing there is durable" {
	small_fs fs 128M
	works nvmpool doctor --selftest fs --selftest-time 2 -j
	self_tested "file on tmpfs"
	json '.data.durable == "never"'
	only_lost_found
}

@test "--selftest where there is no place for it, and with what it does not look at" {
	fails 3 "cannot make a scratch pool in 'nowhere': no such file" nvmpool doctor --selftest nowhere
	: >file
	fails 1 "cannot make a scratch pool in 'file': not a directory" nvmpool doctor --selftest file
	fails 2 "no CHILD, no --backing" nvmpool doctor --selftest . --backing .
	fails 2 "no CHILD, no --backing" nvmpool doctor vm1 --selftest .
	mkdir theirs
	status=0
	run --separate-stderr as_nobody nvmpool doctor --selftest theirs
	[ "$status" = 8 ]
	[[ $stderr == *"cannot make a scratch pool in 'theirs': permission denied"* ]]
	small_fs ro 1M
	mount -o remount,ro ro
	fails 8 "cannot make a scratch pool in 'ro': read-only file system" nvmpool doctor --selftest ro
	small_fs fs 1M
	head -c 1M /dev/zero >fs/ballast || true
	fails 5 "no space left in 'fs'" nvmpool doctor --selftest fs
	[ "$(ls fs)" = ballast ]
}

@test "--selftest takes nvmtorture from beside nvmpool, else from PATH, and says when there is none" {
	local bin

	mkdir alone dir other
	cp "$(command -v nvmpool)" alone/
	bin=$PWD/alone/nvmpool
	PATH=/usr/bin:/bin fails 3 "there is no 'nvmtorture' beside this program or in PATH" \
		"$bin" doctor --selftest dir
	printf '#!/bin/sh\necho "$@" >>%s/asked\n' "$PWD" >other/nvmtorture
	chmod +x other/nvmtorture
	PATH=$PWD/other:$PATH fails 1 "'nvmtorture kill' told nothing, and ended with status 0" \
		"$bin" doctor --selftest dir --selftest-time 10
	[ "$(cat asked)" = "kill --time 5 --json -- dir" ]
	cp other/nvmtorture alone/
	rm -r other asked
	fails 1 "'nvmtorture kill' told nothing" "$bin" doctor --selftest dir
	[ -e asked ]
}

# A nvmtorture that finds something wrong, as it says it.
@test "--selftest hands on what is wrong, with its token" {
	mkdir alone dir
	cp "$(command -v nvmpool)" alone/
	cat >alone/nvmtorture <<-'EOF'
	#!/bin/sh
	if [ "$1" = kill ]; then
		echo '{"ok":false,"error":{"status":1,"message":"x"},"data":{"kind":"file","durable":"sync",
			"kills":9,"targets":[{"target":"disk","failed":1,"in_operation":4}],
			"failures":[{"target":"disk","round":9,"why":"block 7 is gone"}]}}'
	else
		echo '{"ok":false,"error":{"status":1,"message":"x"},"data":{"results":{
			"workloads":[{"cases":3,"failed":1,"distinct":20,"recoveries":{"distinct":5}}],
			"failures":[{"token":"pool/carve@1.2,s1,e8","why":"unit lost"}]}}}'
	fi
	exit 1
	EOF
	chmod +x alone/nvmtorture
	run --separate-stderr alone/nvmpool doctor --selftest dir
	[ "$status" = 1 ]
	[[ $output == *"25 images of 3 cases, 1 cases WRONG"* ]]
	[[ $output == *"9 kills, 4 of them in an operation, 1 targets WRONG"* ]]
	[[ $output == *"pool/carve@1.2,s1,e8"*"unit lost"* && $output == *"disk"*"block 7 is gone"* ]]
	[[ $stderr == *"the self-test found what is wrong"* ]]
	run --separate-stderr alone/nvmpool doctor --selftest dir -j
	[ "$status" = 1 ]
	json '.ok == false and (.data.failures | map(.failed) == ["pool/carve@1.2,s1,e8", "disk"])'
}

@test "Ctrl-C ends a self-test and nvmtorture with it, and leaves nothing" {
	local pid status=0

	mkdir dir
	# A shell's background ignores SIGINT; what is ignored stays so.
	env --default-signal=INT nvmpool doctor --selftest dir 3>&- &
	pid=$!
	until_true compgen -G 'dir/*'
	kill -INT "$pid"
	wait "$pid" || status=$?
	[ "$status" = 130 ]
	[ -z "$(ls dir)" ]
	run ! pgrep -P "$pid"
}
