#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool compact.

load common
load hosted
setup() { cli_setup; }
teardown() { cli_teardown; }

all_intact() {
	intact b && intact d && intact f
}

@test "free space becomes one piece and every child keeps its data" {
	gaps
	works nvmpool compact
	[[ $output == *"free space: 1 run (before: 4)"* ]]
	all_intact
	works nvmpool check --deep
	works nvmpool list -j
	json '.data.pool | .free_runs == 1 and .dirty_bytes == 0'
	works nvmpool compact -j
	json '.data | .moves_done == 0 and .moves == []'
}

@test "what a child needs in one piece fits afterwards" {
	nvmpool format pool.img --size 256M
	for child in a b c; do
		nvmpool carve "$child" 64M
	done
	nvmpool carve d 32M
	nvmpool release b -y
	fails 5 "nvmpool compact" nvmpool carve e 80M --mode devdax
	works nvmpool compact
	works nvmpool carve e 80M --mode devdax
	[ "$(nvmpool show e -j | jq '.data.extents | length')" = 1 ]
}

@test "a dry run lists the same moves and changes nothing" {
	gaps
	before=$(sum pool.img)
	works nvmpool compact -n -j
	planned=$(jq -c .data.moves <<<"$output")
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool compact -j
	[ "$planned" = "$(jq -c .data.moves <<<"$output")" ]
	[ "$planned" != "[]" ]
}

@test "a child that a process maps stays and is named" {
	gaps
	mapped d
	place=$(extents d)
	works nvmpool compact -j
	json '.data.kept | length == 1 and .[0].child == "d" and
		(.[0].why | test("mapped by pid '"$vmm"' .qemu-system-x86_64."))'
	json '[.data.moves[].child] | index("d") == null and length > 0'
	[ "$place" = "$(extents d)" ]
	all_intact
	kill "$vmm"
	until_true gone "$vmm"
	works nvmpool compact -j
	json '.data.kept == [] and .data.free_runs == 1'
	all_intact
}

@test "a child that a VMM maps while it is copied stays where it is" {
	nvmpool format pool.img --size 700M
	nvmpool carve hole 300M
	filled a 300
	nvmpool release hole -y
	place=$(extents a)
	nvmpool compact -j >out 2>err 3>&- &
	job=$!
	background+=("$job")
	sleep 0.05
	kill -STOP "$job"
	[ ! -s out ]
	at=$(jq '.[0].offset_bytes' <<<"$place")
	in_background qemu-system-x86_64 -S -M q35,accel=tcg -nodefaults \
		-display none -object "memory-backend-file,id=m,mem-path=pool.img,\
offset=$at,size=300M,share=on"
	vmm=$!
	until_true grep -q pool.img "/proc/$vmm/maps"
	kill -CONT "$job"
	wait "$job"
	output=$(cat out)
	json '.data.kept[0].child == "a" and .data.moves == []'
	[ "$place" = "$(extents a)" ]
	intact a
	works nvmpool check --deep
}

@test "the VMs whose children moved are told to get new arguments" {
	nvmpool format pool.img --size 512M
	nvmpool carve hole 64M
	nvmpool assign vm1 64M >old
	nvmpool release hole -y
	works nvmpool compact
	[[ $stderr == *"get them anew with 'nvmpool args VM'"* ]]
	nvmpool args vm1 >new
	run diff old new
	[ "$status" = 1 ]
}

@test "interrupted or killed, each child is whole, here or there" {
	gaps
	for ms in 000 005 010 020 040; do
		nvmpool compact >/dev/null 2>&1 3>&- &
		job=$!
		sleep "0.$ms"
		kill -KILL "$job" 2>/dev/null || true
		wait "$job" 2>/dev/null || true
		all_intact
		works nvmpool check --deep
	done
	works nvmpool compact
	all_intact
	works nvmpool check --deep
}

@test "Ctrl-C ends it between two pieces with its own status" {
	nvmpool format pool.img --size 700M
	nvmpool carve hole 300M
	filled a 300
	nvmpool release hole -y
	# bash lets its background jobs ignore SIGINT
	env --default-signal=INT nvmpool compact >/dev/null 2>err 3>&- &
	job=$!
	sleep 0.05
	kill -INT "$job"
	ended "$job"
	[ "$status" = 130 ]
	[[ $(cat err) == *"interrupted by signal 2"* ]]
	intact a
	works nvmpool check --deep
}
