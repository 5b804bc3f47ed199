#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What nvmvd works on: files, several extents, children of a pool; and who else
# works on it.

load common
load hosted
load vdisk
setup() { cli_setup; }
teardown() { cli_teardown; }

# pool_with_disk: the child c with a disk that begins with 4 MiB of noise
pool_with_disk() {
	nvmpool format pool.img --size 256M >/dev/null
	nvmpool carve c 64M >/dev/null
	filled_child c 4
}

@test "what is there as a file is a path, anything else a child" {
	pool_with_disk
	same_disk c
	disk other.img 16
	works nvmvd info other.img -j
	json '.data.pool == null'
	works nvmvd info c -j
	json ".data.pool == \"$PWD/pool.img\""
	works nvmvd info c --pool pool -j
	works nvmvd info c --pool ./pool.img -j
	NVMPOOL=pool works nvmvd info c
	# a file of that name comes first, unless --pool is said
	disk c 16
	works nvmvd info c -j
	json '.data.pool == null'
	works nvmvd info c --pool pool -j
	json '.data.pool != null'
	works nvmvd info ./c -j
	json '.data.pool == null'
}

@test "targets that are not there are told with where they were looked for" {
	fails 3 "no file 'disk.im', and no pool is known in which it could be a child" \
		nvmvd info disk.im
	fails 3 "cannot open './disk.im': no such file or directory" nvmvd info ./disk.im
	fails 2 "bad target '': it is empty" nvmvd info ''
	pool_with_disk
	fails 3 "no file 'd', and no child of that name in pool" nvmvd info d
	fails 3 "no child 'cc' in pool '$PWD/pool.img', did you mean 'c'?" nvmvd info cc -p pool
	fails 3 "no pool 'pond'" nvmvd info c --pool pond
	fails 2 "'./c' is a path, and --pool names the pool" nvmvd info ./c --pool pool
	fails 2 "--extent is for files and devices" nvmvd info c --pool pool --extent x
	fails 10 "is a directory" nvmvd info .
	fails 10 "'/dev/null' is not a devdax device" nvmvd info /dev/null
	fails_json 3 not-found nvmvd info d
	fails 9 "'pool.img' is a pool, not a virtual disk: name a child of it, with --pool pool.img" \
		nvmvd info pool.img
	nvmpool carve blank 16M >/dev/null
	fails 9 "cannot open disk 'blank': there is no virtual disk" nvmvd check blank
}

@test "extents may be given in any order, but all of them" {
	nvmvd create a.img -e b.img --extent=c.img --size 16M >/dev/null
	random in 40
	nvmvd import c.img -e a.img -e b.img in 2>/dev/null
	for order in "a.img -e b.img -e c.img" "b.img -e c.img -e a.img" "c.img -e b.img -e a.img"; do
		# shellcheck disable=SC2086
		sound $order
		# shellcheck disable=SC2086
		nvmvd export $order 2>/dev/null | cmp -n $((40 << 20)) - in
	done
	works nvmvd info b.img -e c.img -e a.img -j
	json "[.data.extents[].path] == [\"$PWD/a.img\", \"$PWD/b.img\", \"$PWD/c.img\"]"
	fails 2 "it lies on 3 extents, 1 of them given; name the others with --extent" \
		nvmvd info a.img
	fails 2 "it lies on 3 extents, 2 of them given" nvmvd info c.img -e a.img
	fails 2 "it begins on another extent; name that with --extent" nvmvd info b.img
}

@test "an extent twice, of another disk, or too many are refused before anything changes" {
	nvmvd create a.img -e b.img --size 16M >/dev/null
	nvmvd create x.img -e y.img --size 16M >/dev/null
	before=$(cat a.img b.img x.img y.img | sha256sum)
	fails 2 "'a.img' and './a.img' are the same: each extent is given once" \
		nvmvd trim a.img -e ./a.img 0 4K
	ln -s a.img link
	fails 2 "are the same" nvmvd trim a.img -e link 0 4K
	fails 9 "'y.img' is no extent of it" nvmvd trim a.img -e y.img 0 4K
	fails 2 "it lies on 2 extents, 3 are given" nvmvd trim a.img -e b.img -e y.img 0 4K
	fails 2 "it lies on 2 extents, 3 are given" nvmvd trim a.img -e y.img -e b.img 0 4K
	fails 3 "cannot open 'none': no such file" nvmvd trim a.img -e none 0 4K
	head -c 12M b.img >short.img
	fails 7 "cut short, 12 MiB of 16 MiB are there" nvmvd trim a.img -e short.img 0 4K
	[ "$before" = "$(cat a.img b.img x.img y.img | sha256sum)" ]
}

@test "two writers of one file wait for each other" {
	disk disk.img 64
	local i

	for i in 0 1 2 3 4 5 6 7; do
		head -c 1M /dev/urandom >"in$i"
		nvmvd write disk.img "${i}M" <"in$i" 2>"err$i" &
	done
	wait
	for i in 0 1 2 3 4 5 6 7; do
		nvmvd read disk.img "${i}M" 1M | cmp - "in$i"
	done
	sound disk.img
}

@test "two writers of one child wait for each other, and the pool is free meanwhile" {
	pool_with_disk
	mkfifo pipe
	nvmvd write c 8M <pipe 2>/dev/null 3>&- &
	job=$!
	exec 4>pipe
	until_true leased "$job"
	works nvmpool carve other 4M
	fails 6 "being written by pid $job (nvmvd)" nvmpool release c -y
	fails 6 "being written by pid $job (nvmvd)" nvmpool resize c +64M
	fails 6 "cannot open 'c' while it is in use: " nvmvd info c --wait 0
	fails_json 6 busy nvmvd write c 0 --wait 0
	head -c 4K c.in | nvmvd write c 12M 2>err 3>&- 4>&- &
	second=$!
	until_true grep -q "waiting for 'c': " err
	head -c 4K c.in >&4
	exec 4>&-
	wait "$job"
	wait "$second"
	nvmvd read c 8M 4K | cmp -n 4096 - c.in
	nvmvd read c 12M 4K | cmp -n 4096 - c.in
	sound c
}

@test "readers do not wait for each other" {
	filled_disk disk.img 64 40
	mkfifo pipe
	nvmvd export disk.img pipe 2>/dev/null 3>&- &
	job=$!
	background+=("$job")
	exec 4<pipe
	until_true locked disk.img
	works nvmvd info disk.img --wait 0
	works nvmvd read disk.img 0 0 --wait 0
	fails 6 "is locked by pid $job (nvmvd)" nvmvd trim disk.img 0 4K --wait 0
	works nvmvd trim disk.img 0 4K --wait 0 --dry-run
	cat <&4 >/dev/null
	exec 4<&-
	wait "$job"
	works nvmvd trim disk.img 0 4K --wait 0
}

@test "a lock that stays is status 6 and names the holder" {
	disk disk.img 16
	in_background flock disk.img sleep 60
	until_true locked disk.img
	fails 6 "is locked by pid " nvmvd info disk.img --wait 0
	fails_json 6 busy nvmvd info disk.img --wait 0
	run --separate-stderr nvmvd trim disk.img 0 4K --wait 1
	[ "$status" = 6 ]
	[[ $stderr == *"waiting for pid "*" to unlock 'disk.img'"* ]]
	nvmvd info disk.img --wait 60 2>err &
	local tool=$!
	until_true grep -q waiting err
	kill -TERM "$tool"
	ended "$tool"
	[ "$status" = 143 ]
}

@test "a child that a VM maps is refused, for reading too, with the VM's process" {
	pool_with_disk
	mapped c
	before=$(sum pool.img)
	for command in "info c" "check c" "read c 0 4K" "trim c 0 4K" "export c out" \
		"resize c 32M" "create c --force" "map c"; do
		# shellcheck disable=SC2086
		fails 6 "cannot open 'c' while it is in use: mapped by pid $vmm (qemu-system" nvmvd $command
	done
	[ "$before" = "$(sum pool.img)" ]
	[ ! -e out ]
	kill "$vmm"
	wait "$vmm" || true
	same_disk c
}

@test "so is a file" {
	filled_disk pool.img 64 1
	in_background qemu-system-x86_64 -S -M q35,accel=tcg -nodefaults -display none \
		-object memory-backend-file,id=m,mem-path=pool.img,size=64M,share=on
	vmm=$!
	until_true grep -q pool.img "/proc/$vmm/maps"
	fails 6 "mapped by pid $vmm (qemu-system" nvmvd trim pool.img 0 4K
	fails 6 "mapped by pid $vmm" nvmvd create pool.img --force
}

@test "a mounted device is refused" {
	need_root
	truncate -s 32M backing.img
	loop=$(losetup --show -f backing.img) || skip "no loop device here"
	trap 'umount mnt; losetup -d "$loop"' EXIT
	mkfs.ext4 -q "$loop"
	mkdir mnt
	mount "$loop" mnt
	fails 6 "mounted on '$PWD/mnt'" nvmvd create "$loop" --force
	umount mnt
	fails 4 "holds a file system (ext4)" nvmvd create "$loop"
	works nvmvd create "$loop" --force
	works nvmvd info "$loop"
	losetup -d "$loop"
	trap - EXIT
}

@test "a child with a stamp: the guest finds its own as before" {
	nvmpool format pool.img --size 256M >/dev/null
	nvmpool carve c 64M --mode devdax >/dev/null
	cp pool.img before.img
	filled_child c 20
	cmp -n $((2 << 20)) before.img pool.img -i "$(offset c)"
	same_disk c
	sound c
	[ "$(nvmpool check --deep)" = "no problems" ]
}

@test "a dry run on a child changes nothing in the pool" {
	pool_with_disk
	before=$(sum pool.img)
	works sh -c 'head -c 4K c.in | nvmvd write c 8M --dry-run'
	works nvmvd trim c 0 1M -n
	works nvmvd resize c 32M -n
	works nvmvd check c --repair -n
	works nvmvd create c --force -n
	[ "$before" = "$(sum pool.img)" ]
}
