#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2046 # the words by which a disk is known
#
# module - the kernel module in a real guest, on every kind of memory, with
# disks that the host's tools have made and look at again afterwards.
#
#	raw	a raw NVDIMM			virt	a raw virtio-pmem
#	two	two raw NVDIMMs, adjacent, the second extent at the lower address
#	dev	a child of two extents, devdax-stamped, the second one lower
#	fs	a child, fsdax-stamped, virtio-pmem
#	clean, dirty, ext	the golden images (ext: two NVDIMMs)
#	late	two virtio-pmems, the second of which is plugged in later
#
# One boot does it all; each test looks at one thing that came of it.
# MODULE_LONG=N makes what can be repeated N times as long.

setup_file() {
	. "$BATS_TEST_DIRNAME/../guest.sh"
	. "$BATS_TEST_DIRNAME/disks.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return
	module_prepare "$GUEST_BUILD/nvmvd" "$GUEST_BUILD/nvmwear" "$(command -v fio)" "$(command -v blkdiscard)" \
		"$GUEST_BUILD/tests/vm/churn"
	disks_make >disks.log 2>&1
	devices_make
	{
		guest_functions
		echo "long=${MODULE_LONG:-1}"
		for disk in raw two dev fs virt late; do
			echo "$disk=$(nvmvd info $(where $disk) -j | jq -r .data.uuid)"
			echo "sum_$disk=$(cat $disk.sum)"
		done
		for disk in clean dirty ext; do
			echo "$disk=$(nvmvd info $(where $disk) -j | jq -r .data.uuid)"
			# one of them has a damaged block
			echo "sum_$disk=$(whole $disk | tee $disk.sum)"
		done
		cat "$BATS_TEST_DIRNAME/module-guest.sh"
	} >run.sh
	guest_overlay run.sh guest.cpio "$GUEST_MODULE"
	mkfifo qmp.in qmp.out
	exec {qmp}<>qmp.in
	guest_start module guest.cpio -machine q35,nvdimm=on -smp 2 -m 768M,slots=16,maxmem=8G \
		"${devices[@]}" -device pcie-root-port,id=rp1,chassis=1,slot=1 \
		-chardev pipe,id=qmp,path=qmp -mon chardev=qmp,mode=control
	cat qmp.out >qmp.log 2>/dev/null 3>&- &
	echo '{"execute":"qmp_capabilities"}' >&"$qmp"
	guest_line module '^guest: plug it in' $((180 + 20 * ${MODULE_LONG:-1}))
	cat >&"$qmp" <<-EOF
	{"execute":"object-add","arguments":{"qom-type":"memory-backend-file","id":"m-late1","mem-path":"late-1.img","size":33554432,"share":true,"align":2097152}}
	{"execute":"device_add","arguments":{"driver":"virtio-pmem-pci","id":"n-late1","memdev":"m-late1","bus":"rp1"}}
	EOF
	guest_wait module 200
}

# where DISK: the arguments by which nvmvd knows it
where() {
	case $1 in
	two|ext|late) echo "$1-0.img -e $1-1.img" ;;
	dev|fs)	echo "$1 --pool pool.img" ;;
	*)	echo "$1.img" ;;
	esac
}

# whole DISK: the sum of all its bytes, zeros for what cannot be read
whole() {
	sum_of nvmvd export $(where "$1") --skip-damaged 2>/dev/null
}

# Each begins with 1 MiB of noise, and has 3 sectors of it at an odd place.
disks_make() {
	local disk

	nvmpool format pool.img --size 448M
	nvmpool carve hole1 64M
	nvmpool carve between 64M
	nvmpool carve hole2 64M
	nvmpool carve rest "$(nvmpool list -j | jq .data.pool.largest_run_bytes)"
	nvmpool release hole1 -y
	nvmpool release hole2 -y
	nvmpool carve dev 128M --mode devdax
	nvmpool release rest -y
	nvmpool carve fs 64M --mode fsdax
	[ "$(nvmpool show dev -j | jq '.data.extents | length')" = 2 ]
	nvmvd create raw.img --size 64M --label "the raw one"
	nvmvd create virt.img --size 64M
	nvmvd create two-0.img -e two-1.img --size 32M
	nvmvd create late-0.img -e late-1.img --size 32M
	nvmvd create dev --pool pool.img
	nvmvd create fs --pool pool.img
	for disk in raw two dev fs virt late; do
		head -c 1M /dev/urandom >noise
			nvmvd write $(where $disk) 0 <noise
		head -c 1536 noise | nvmvd write $(where $disk) 20483584
		sum_of cat noise >$disk.sum
	done
	golden disk-clean clean.img 8M
	golden disk-dirty dirty.img 8M
	golden disk-extents-0 ext-0.img 4M
	golden disk-extents-1 ext-1.img 6M
}

devices_make() {
	local off size

	devices=()
	dimm raw raw.img 0x100000000
	dimm two1 two-1.img 0x110000000
	dimm two0 two-0.img 0x112000000
	{ read -r off size; dimm dev0 pool.img 0x128000000 "$off" "$size"
	  read -r off size; dimm dev1 pool.img 0x120000000 "$off" "$size"; } < <(extents dev)
	dimm clean clean.img 0x130000000
	dimm dirty dirty.img 0x134000000
	dimm ext0 ext-0.img 0x138000000
	dimm ext1 ext-1.img 0x13c000000
	virtio virt virt.img 0x140000000
	{ read -r off size; virtio fs pool.img 0x148000000 "$off" "$size"; } < <(extents fs)
	virtio late0 late-0.img 0x150000000
}

extents() {
	nvmpool show "$1" --pool pool.img -j | jq -r '.data.extents[] | "\(.offset_bytes) \(.size_bytes)"'
}

setup() {
	. "$BATS_TEST_DIRNAME/../guest.sh"
	. "$BATS_TEST_DIRNAME/disks.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/../guest.sh"
	GUEST_DIR=$BATS_FILE_TMPDIR guest_kill_all
}

# said WHAT: the rest of the guest's line "guest: WHAT ..."
said() {
	sed -n "s/^guest: $1 //p" module.console | tr -d '\r'
}

# sound DISK: check finds nothing, and what the guest wrote is there
sound() {
	{
		nvmvd check $(where "$1") || return
		[ "$(nvmvd read $(where "$1") 8M 1M | sha256sum | cut -d' ' -f1)" = "$(said "wrote $1")" ]
	}
}

@test "each disk is there by itself, with all its bytes" {
	for disk in raw two dev fs virt; do
		guest_ok module "$disk: is there by itself"
		guest_ok module "$disk: what the host wrote"
	done
	guest_ok module "raw: its label"
}

@test "of copies none is taken for the disk" {
	guest_ok module "copies: none is attached by itself"
	guest_ok module "copies: not by uuid"
}

@test "extents are put in their order, whatever their addresses are" {
	guest_ok module "two: the second extent is at the lower address"
	guest_ok module "dev: the second extent is at the lower address"
}

@test "a disk is as durable as its memory" {
	guest_ok module "raw: durable at once"
	guest_ok module "virt: durable at a flush"
	guest_ok module "fs: durable at a flush"
}

@test "golden images read as they do in user space, and stay sound" {
	for disk in clean dirty ext; do
		guest_ok module "$disk: is attached by its devices' names"
		guest_ok module "$disk: reads as in user space"
		guest_ok module "$disk: is detached"
		[ "$(whole $disk)" = "$(cat $disk.sum)" ]
	done
	nvmvd check clean.img
	nvmvd check ext-0.img -e ext-1.img
	[ "$(said "golden clean") $(said "golden dirty") $(said "golden ext")" = "0 1 1" ]
}

@test "block limits are what the disk can do" {
	guest_ok module "limits"
	guest_ok module "atomic writes where the kernel knows them"
}

@test "what fio wrote is what fio reads: 512 B to 64 KiB, trims, syncs" {
	guest_ok module "fio on raw: any sizes, synced, trims"
	guest_ok module "fio on virt: any sizes, synced, trims"
	guest_ok module "fio on dev: two jobs, libaio"
	guest_ok module "fio on dev: io_uring"
	guest_ok module "trimmed and zeroed bytes are zeros"
}

@test "what changes while it is written has a checksum of what was stored" {
	guest_ok module "a buffer that changes while it is written"
}

@test "io statistics count" {
	guest_ok module "statistics"
}

@test "1,000 opens and closes" {
	guest_ok module "1,000 opens and closes"
}

@test "under load the module is not unloaded and the disk not detached" {
	guest_ok module "no unloading under load"
	guest_ok module "no detaching under load"
	guest_ok module "the load went on"
}

@test "a disk goes when its memory is taken away under load, and comes again with it" {
	guest_ok module "its memory is taken away under load"
	guest_ok module "the disk goes with its memory"
	guest_ok module "the disk comes with its memory"
	guest_ok module "the disk comes with what it had"
}

@test "user space cannot have what the module has" {
	guest_ok module "no /dev/pmemN while it is attached"
	guest_ok module "no /dev/daxN.M while it is attached"
	guest_ok module "no other driver takes it"
}

@test "the module cannot have what user space has" {
	guest_ok module "a pmem that is open is not attached"
	guest_ok module "a pmem that nvmvd works on is not attached"
	guest_ok module "a devdax that nvmvd works on is not attached"
	guest_ok module "they are attached afterwards"
}

@test "a disk goes from the kernel to user space and back" {
	guest_ok module "detached, raw is a pmem again"
	guest_ok module "detached, nvmvd finds it sound"
	guest_ok module "detached, it stays so"
	guest_ok module "written in user space"
	guest_ok module "read in the kernel"
}

@test "nvmvd and nvmwear tell of the kernel's disks, set, detach and attach them" {
	guest_ok module "tool: not loaded, it says how to"
	guest_ok module "tool: lists all of them"
	guest_ok module "tool: tells what the kernel tells"
	guest_ok module "tool: changes the policy"
	guest_ok module "tool: what is there is not attached again"
	guest_ok module "tool: other commands refuse"
	guest_ok module "tool: who has it open"
	guest_ok module "tool: detaches and attaches"
}

@test "what is plugged in completes a disk" {
	guest_ok module "half a disk is none"
	guest_ok module "late: is there by itself"
	guest_ok module "late: what the host wrote"
	if grep -q GenericError qmp.log; then cat qmp.log; false; fi
}

@test "the module unloads, and comes again" {
	guest_ok module "unloaded"
	guest_ok module "all memory is given back"
	guest_ok module "all disks are there again, closed cleanly"
}

@test "the host finds sound what the guest left, detached or not" {
	for disk in raw two dev fs virt late; do
		sound $disk
	done
}

@test "the kernel had nothing to complain of" {
	guest_ok module "the kernel is quiet"
}
