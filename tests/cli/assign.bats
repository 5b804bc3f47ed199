#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154
#
# `nvmpool assign`: a child for a VM, and the line for its VMM.

load common

setup() {
	cli_setup
	nvmpool format pool.img --size 640M >/dev/null
}

teardown() { cli_teardown; }

# remember FILE, unchanged FILE: all its bytes, and how many have a place on disk
# (what SEEK_DATA calls a hole depends on who has read it)
bytes() { cksum <"$1"; stat -c %b "$1"; }
remember() { before=$(bytes "$1"); }
unchanged() { [ "$(bytes "$1")" = "$before" ]; }

# hold ARG...: a QEMU that has been given these arguments and maps them
hold() {
	in_background qemu-system-x86_64 -S -accel tcg -nodefaults -display none \
		-qmp "unix:$PWD/qmp.sock,server=on,wait=off" "$@"
	until_true test -S qmp.sock
}

@test "one line on standard output, nothing on standard error" {
	works nvmpool assign vm1 64M
	[ "$(wc -l <<<"$output")" = 1 ]
	[ -z "$stderr" ]
	[[ $output == "-machine q35 -m 1G,maxmem=1088M -object memory-backend-file,"* ]]
	[[ $output == *"mem-path=$PWD/pool.img,"*"size=64M,share=on,align=2M"* ]]
	[[ $output == *" -device virtio-pmem-pci,memdev=mem-vm1-0,id=nvm-vm1-0,memaddr=0x100000000" ]]
}

@test "the line starts QEMU through xargs, and the offset is where show says" {
	works nvmpool assign vm1 64M
	line=$output
	offset=$(nvmpool show vm1 -j | jq '.data.extents[0].offset_bytes')
	[[ $line == *",offset=$((offset >> 20))M,"* ]]
	printf '%s\n' '{"execute":"qmp_capabilities"}' '{"execute":"query-memory-devices"}' \
		'{"execute":"quit"}' >qmp
	xargs -a <(echo "$line") qemu-system-x86_64 -S -accel tcg -nodefaults -display none \
		-qmp stdio <qmp >answer
	jq -se 'any(.[]; .return | type == "array" and
		any(.[]; .data.memaddr == 4294967296 and .data.size == 67108864))' answer
}

@test "the same again changes nothing and prints the same" {
	works nvmpool assign vm1 64M
	first=$output
	remember pool.img
	works nvmpool assign vm1 64M
	[ "$output" = "$first" ]
	unchanged pool.img
	works nvmpool assign vm1 65536K
	[ "$output" = "$first" ]
}

@test "another size is refused and names resize" {
	works nvmpool assign vm1 64M
	remember pool.img
	fails 4 "'nvmpool args vm1' prints the arguments of all of it, 'nvmpool resize vm1 32M' cuts it off" \
		nvmpool assign vm1 32M
	fails 4 "child 'vm1' is there with 64M, not 128M; 'nvmpool resize vm1 128M' changes it" \
		nvmpool assign vm1 128M
	fails_json 4 exists nvmpool assign vm1 128M
	unchanged pool.img
}

@test "several children of a VM are in one line, at their own addresses" {
	works nvmpool assign vm1 64M
	works nvmpool assign vm1 128M --name log
	[[ $output == *"id=nvm-vm1-0,memaddr=0x100000000 "* ]]
	[[ $output == *"id=nvm-log-0,memaddr=0x104000000" ]]
	[[ $output == *"-m 1G,maxmem=1216M "* ]]
	both=$output
	works nvmpool assign vm1 64M
	[ "$output" = "$both" ]
}

@test "the order of children is the pool's, also for one in a freed slot" {
	works nvmpool assign vm1 64M --name a
	works nvmpool assign vm1 64M --name b
	works nvmpool release a --yes
	works nvmpool assign vm1 64M --name c
	line=$output
	works nvmpool args vm1
	[ "$output" = "$line" ]
}

@test "an unowned child of this name and size is taken over" {
	works nvmpool carve data 64M --mode fsdax
	uuid=$(nvmpool show data -j | jq -r .data.uuid)
	works nvmpool assign vm1 64M --name data
	works nvmpool show data -j
	json ".data.vm == \"vm1\" and .data.uuid == \"$uuid\" and .data.mode == \"fsdax\""
}

@test "a child of another VM is refused" {
	works nvmpool assign vm1 64M --name data
	fails 4 "child 'data' belongs to VM 'vm1'; choose another with --name" \
		nvmpool assign vm2 64M --name data
	fails 4 "belongs to VM 'vm1'" nvmpool assign vm2 64M --name data --shared
}

@test "the mode of a child cannot change" {
	works nvmpool assign vm1 64M
	works nvmpool assign vm1 64M --mode fsdax
	fails 4 "was carved in mode fsdax, which cannot change" nvmpool assign vm1 64M --mode raw
}

@test "options that are given are put into force, others stay" {
	works nvmpool assign vm1 64M
	works nvmpool assign vm1 64M --device nvdimm --grow-to 1G
	[[ $output == *"-device nvdimm,"* ]]
	works nvmpool assign vm1 64M
	[[ $output == *"-device nvdimm,"* && $output == *"slots=5,maxmem=2G "* ]]
	works nvmpool assign vm1 64M --read-only
	works nvmpool assign vm1 64M
	[[ $output == *"readonly=on"*"unarmed=on"* ]]
}

@test "a read-only child becomes writable on request only" {
	works nvmpool assign vm1 64M --shared
	works nvmpool assign vm1 64M
	[[ $output == *"readonly=on"* ]]
	fails 2 "opposite" nvmpool assign vm1 64M --writable --shared
	works nvmpool assign vm1 64M --writable
	[[ $output != *readonly* && $output == *"-device virtio-pmem-pci,"* ]]
	works nvmpool show vm1 -j
	json '(.data.read_only or .data.shared) | not'
}

@test "an NVDIMM on a plain file is given on request, with a warning" {
	works nvmpool assign vm1 64M --device nvdimm
	[[ $output == "-machine q35,nvdimm=on -m 1G,slots=1,"* ]]
	[[ $output != *pmem=on* ]]
	[[ $stderr == "nvmpool: warning: "*"survive a crash of the guest or the VMM, not of the host" ]]
	works nvmpool show vm1 -j
	json '.data.mode == "devdax" and .data.device == "nvdimm"'
	works nvmpool assign vm1 64M -j
	json '.warnings | any(test("not of the host"))'
}

@test "devices and modes that do not work together are refused, nothing is carved" {
	remember pool.img
	fails 10 "use --mode fsdax" nvmpool assign vm1 64M --mode devdax
	fails 10 "use --device nvdimm" nvmpool assign vm1 64M --read-only --device virtio-pmem
	fails 10 "use q35 or pc" nvmpool assign vm1 64M --machine microvm
	fails 2 "must be whole MiB" nvmpool assign vm1 64M --ram 1000
	fails 2 "is less than the size" nvmpool assign vm1 64M --grow-to 32M
	fails 5 "multiples of 2M" nvmpool assign vm1 64M --grow-to 65M
	unchanged pool.img
}

@test "VMMs that know no offset are refused with the way out, nothing is carved" {
	remember pool.img
	for vmm in cloud-hypervisor firecracker crosvm kvmtool; do
		fails 10 "$vmm maps whole files only" nvmpool assign vm1 64M --for $vmm
		[[ $stderr == *"nvmpool export"* ]]
	done
	unchanged pool.img
}

@test "names and sizes that cannot be are refused" {
	fails 2 "bad name" nvmpool assign 'vm 1' 64M
	fails 2 "bad name" nvmpool assign vm1 64M --name ../x
	fails 2 "bad size" nvmpool assign vm1 64X
	fails 5 "nearest are 64M and 66M" nvmpool assign vm1 65M
	fails 5 "at least 4M" nvmpool assign vm1 2M
	fails 5 "no space" nvmpool assign vm1 5G
	fails 5 "more than any pool has, 64T" nvmpool assign vm1 64M \
		--grow-to 100T
	fails 2 "missing" nvmpool assign vm1
	works nvmpool assign vm1 2M --mode raw
}

@test "a pool with small units still gives VMs whole 2 MiB" {
	nvmpool format small.img --size 256M --unit 64K >/dev/null
	fails 5 "a VM's memory comes in multiples of 2M, nearest are 4M and 6M" \
		nvmpool assign --pool small.img vm1 4160K
	works nvmpool assign --pool small.img vm1 64M
	works nvmpool show --pool small.img vm1 -j
	json '.data.extents | all(.offset_bytes % 2097152 == 0)'
}

@test "what a process maps is not handed out again" {
	works nvmpool assign vm1 64M
	read -ra words <<<"$output"
	hold "${words[@]}"
	remember pool.img
	fails 6 "qemu-system" nvmpool assign vm1 64M
	[[ $stderr == *"pid ${background[0]} "* && $stderr == *"bytes 0x"* ]]
	fails_json 6 busy nvmpool assign vm1 64M
	fails 6 "qemu-system" nvmpool assign vm1 64M --name more
	fails 6 "pid ${background[0]}" nvmpool args vm1
	works nvmpool args vm1 --force
	unchanged pool.img
	works nvmpool assign vm2 64M
	kill -9 "${background[0]}"
	wait "${background[0]}" || true
	works nvmpool assign vm1 64M
}

@test "a new child is plugged into a running VM over QMP" {
	works nvmpool assign vm1 64M --device nvdimm --grow-to 256M
	read -ra words <<<"$output"
	hold "${words[@]}"
	works nvmpool assign vm1 64M --name more --device nvdimm --for qmp
	[ "$(wc -l <<<"$output")" = 3 ]
	jq -se '[.[].execute] == ["qmp_capabilities", "object-add", "device_add"] and
		.[2].arguments.id == "nvm-more-0"' <<<"$output"
}

@test "a shared child is read-only in every VM, and may be in use" {
	works nvmpool assign vm1 64M --name base --shared
	[[ $output == *"readonly=on"*"unarmed=on"* ]]
	read -ra words <<<"$output"
	hold "${words[@]}"
	fails 4 "is shared: ask for it with --shared" nvmpool assign vm2 64M --name base
	remember pool.img
	works nvmpool assign vm2 64M --name base --shared
	[[ $output == *"mem-base-0"*"readonly=on"* ]]
	unchanged pool.img
	works nvmpool assign vm1 64M --name base --shared
}

@test "an owned child does not become shared under a running VM" {
	works nvmpool assign vm1 64M
	read -ra words <<<"$output"
	hold "${words[@]}"
	fails 6 "qemu-system" nvmpool assign vm1 64M --shared
	works nvmpool show vm1 -j
	json '.data.shared == false'
}

@test "a dry run prints the line and changes nothing" {
	remember pool.img
	works nvmpool assign vm1 64M --dry-run
	line=$output
	[ "$(wc -l <<<"$line")" = 1 ]
	unchanged pool.img
	works nvmpool assign vm1 64M
	[ "$output" = "$line" ]
}

@test "JSON has the line, its words and where each extent lies" {
	works nvmpool assign vm1 64M
	line=$output
	works nvmpool assign vm1 64M -j
	json ".data.text == \"$line\" and (.data.words | join(\" \")) == .data.text"
	json '.data.devices == [{"child":"vm1","extent":0,"device":"virtio-pmem",
		"mode":"fsdax","read_only":false,"offset_bytes":.data.devices[0].offset_bytes,
		"size_bytes":67108864,"guest_address":4294967296}] and .data.slots == 0'
}

@test "a path with blanks, quotes and commas survives xargs" {
	mkdir "a b,c'd\"e"
	nvmpool format "a b,c'd\"e/pool.img" --size 256M >/dev/null
	works nvmpool assign vm1 64M --pool "a b,c'd\"e/pool.img"
	echo '{"execute":"qmp_capabilities"}{"execute":"quit"}' >qmp
	xargs -a <(echo "$output") qemu-system-x86_64 -S -accel tcg -nodefaults -display none \
		-qmp stdio <qmp | grep -q '"return": {}'
}

@test "a fragmented pool gives several extents, in order, without a gap in the guest" {
	nvmpool format frag.img --size 1G >/dev/null
	for i in 0 1 2 3; do
		nvmpool carve --pool frag.img "k$i" 128M >/dev/null
		nvmpool carve --pool frag.img "h$i" 64M >/dev/null
	done
	for i in 0 1 2 3; do
		nvmpool release --pool frag.img "k$i" --yes >/dev/null
	done
	works nvmpool assign --pool frag.img vm1 512M -j
	# shellcheck disable=SC2016	# $i is jq's
	json '.data.devices | length > 1 and ([.[].size_bytes] | add) == 536870912 and
		([range(1; length) as $i | .[$i].guest_address ==
		.[$i - 1].guest_address + .[$i - 1].size_bytes] | all)'
	works nvmpool release --pool frag.img vm1 --yes
	fails 5 "" nvmpool assign --pool frag.img vm1 512M --mode raw
}
