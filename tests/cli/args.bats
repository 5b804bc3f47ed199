#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154
#
# `nvmpool args`: the arguments of a VM, once more.

load common

setup() {
	cli_setup
	nvmpool format pool.img --size 640M >/dev/null
}

teardown() { cli_teardown; }

# remember FILE, unchanged FILE: all its bytes, and how many have a place on disk
bytes() { cksum <"$1"; stat -c %b "$1"; }
remember() { before=$(bytes "$1"); }
unchanged() { [ "$(bytes "$1")" = "$before" ]; }

@test "args prints what assign printed, and changes nothing" {
	works nvmpool assign vm1 64M --ram 512M
	line=$output
	remember pool.img
	works nvmpool args vm1 --ram 512M
	[ "$output" = "$line" ]
	unchanged pool.img
}

@test "args works on a pool that can only be read" {
	works nvmpool assign vm1 64M
	line=$output
	chmod 444 pool.img
	chmod 755 "$BATS_TEST_TMPDIR" .
	works nvmpool args vm1
	[ "$output" = "$line" ]
}

@test "a VM without children is not found" {
	fails 3 "belongs to VM 'vm1'; 'nvmpool assign vm1 SIZE' gives it one" nvmpool args vm1
	fails_json 3 not-found nvmpool args vm1
	fails 2 "bad name" nvmpool args 'a b'
}

@test "RAM beyond the PCI hole moves the addresses" {
	works nvmpool assign vm1 64M
	works nvmpool args vm1 --ram 4G
	[[ $output == "-machine q35 -m 4G,maxmem=4160M "*"memaddr=0x180000000" ]]
	works nvmpool args vm1 --ram 4G --machine pc
	[[ $output == "-machine pc -m 4G,maxmem=4160M "*"memaddr=0x140000000" ]]
}

@test "shared children of other VMs are added, others not" {
	works nvmpool assign vm1 64M --name base --shared
	works nvmpool assign vm1 64M --name own
	works nvmpool assign vm2 64M
	works nvmpool args vm2 --with base
	[[ $output == *"mem-vm2-0"*"mem-base-0"*"unarmed=on"* ]]
	works nvmpool args vm3 --with base
	[[ $output == *"mem-base-0"* ]]
	fails 4 "child 'own' is not shared" nvmpool args vm2 --with base,own
	fails 3 "no child 'bose'" nvmpool args vm2 --with bose
}

@test "QMP: all of a child, or what it has grown by" {
	works nvmpool assign vm1 64M
	works nvmpool args vm1 --for qmp
	jq -se 'length == 3 and .[1].arguments."mem-path" == $path and
		.[1].arguments.size == 67108864 and .[2].arguments.driver == "virtio-pmem-pci"' \
		--arg path "$PWD/pool.img" <<<"$output"
	fails 3 "there is no extent 1" nvmpool args vm1 --for qmp --name vm1 --from-extent 1
	fails 3 "no child 'x'" nvmpool args vm1 --for qmp --name x
	fails 2 "--name is for --for qmp" nvmpool args vm1 --name vm1
	fails 2 "--from-extent needs --name" nvmpool args vm1 --for qmp --from-extent 1
}

# say LINE ID: to the QEMU of the coprocess; its answer to ID
say() {
	printf '%s\n' "$1" >&"${VMM[1]}"
	while IFS= read -r -t 20 answer <&"${VMM[0]}"; do
		[[ $answer == *"\"id\": \"$2\""* || $answer == *'"error"'* ]] && break
	done
	printf '%s\n' "$answer"
}

@test "what is printed for QMP plugs a new child into a running VM" {
	works nvmpool assign vm1 64M --grow-to 512M --device nvdimm
	read -ra words <<<"$output"
	coproc VMM { exec qemu-system-x86_64 -S -accel tcg -nodefaults -display none \
		-qmp stdio "${words[@]}" 3>&-; }
	background+=("$VMM_PID")
	until_true grep -q pool.img "/proc/$VMM_PID/maps"
	works nvmpool assign vm1 64M --name more --device nvdimm --for qmp
	say "$output"$'\n''{"execute":"query-memory-devices","id":"mem"}' mem >answer
	jq -e '.return | length == 2 and (map(.data.addr) | sort) == [4294967296, 4831838208]' answer
	grep -q "pool.img" "/proc/$VMM_PID/maps"
	fails 6 "pid $VMM_PID" nvmpool args vm1
}
