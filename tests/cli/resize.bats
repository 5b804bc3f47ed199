#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool resize.

load common
load hosted
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "a child grows and keeps its data; what is new reads as zeros" {
	nvmpool format pool.img --size 256M
	filled a 10
	works nvmpool resize a 20M -j
	json '.data | .changed and .size_bytes == 20971520 and
		.old_size_bytes == 10485760'
	nvmpool export a a.out
	cmp -n $((10 << 20)) a.in a.out
	[ -z "$(tail -c +$(((10 << 20) + 1)) a.out | tr -d '\0' | head -c 1)" ]
}

@test "+SIZE and -SIZE count from the present size" {
	nvmpool format pool.img --size 256M
	nvmpool carve a 10M
	works nvmpool resize a +6M -j
	json '.data.size_bytes == 16 * 1048576'
	works nvmpool resize a -4M -y -j
	json '.data.size_bytes == 12 * 1048576'
	works nvmpool resize a 12M -j
	json '.data.size_bytes == 12 * 1048576 and .data.changed == false'
}

@test "shrinking asks; without a terminal it needs --yes" {
	nvmpool format pool.img --size 64M
	filled a 10
	before=$(sum pool.img)
	fails 2 "lose the data behind that" nvmpool resize a 4M
	[ "$before" = "$(sum pool.img)" ]
	works nvmpool resize a 4M --yes
	cmp -n $((4 << 20)) a.in <(nvmpool export a)
}

@test "what was cut off is nowhere in the pool any more" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 16M
	{ head -c $((12 << 20)) /dev/zero; yes secret | head -c $((4 << 20)); } |
		nvmpool import a
	grep -q secret pool.img
	works nvmpool resize a 8M -y
	lacks secret pool.img
}

@test "a dry run says what would be and changes nothing" {
	nvmpool format pool.img --size 64M
	filled a 10
	before=$(sum pool.img)
	works nvmpool resize a 4M -n -j
	json '.data.size_bytes == 4 * 1048576'
	works nvmpool resize a 40M --dry-run
	[ "$before" = "$(sum pool.img)" ]
}

@test "sizes that cannot be are refused and change nothing" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 10M
	before=$(sum pool.img)
	fails 5 "not a multiple of the pool's unit 2M" nvmpool resize a 3M
	fails 5 "'nvmpool release' gives all of it back" nvmpool resize a -10M
	fails 5 "'nvmpool release' gives all of it back" nvmpool resize a -1G
	fails 5 "the smallest possible is 2M" nvmpool resize a 0
	fails 5 "bad size '+0': that changes nothing" nvmpool resize a +0
	fails 5 "bad size '-0M': that changes nothing" nvmpool resize a -0M
	fails 2 "bad size '10X'" nvmpool resize a 10X
	fails 2 "bad size '+': must be a number" nvmpool resize a +
	fails 5 "no space" nvmpool resize a 1G
	fails 5 "no space" nvmpool resize a 16P
	fails 3 "no child 'z'" nvmpool resize z 10M
	[ "$before" = "$(sum pool.img)" ]
}

@test "while a process maps the child neither direction is allowed" {
	nvmpool format pool.img --size 256M
	nvmpool carve a 64M
	mapped a
	fails 6 "mapped by pid $vmm (qemu-system-x86_64)" nvmpool resize a 128M
	fails 6 "mapped by pid $vmm (qemu-system-x86_64)" nvmpool resize a 32M -y
	fails_json 6 busy nvmpool resize a 128M
	kill "$vmm"
	until_true gone "$vmm"
	works nvmpool resize a 128M
}

@test "a neighbour's mapping is no obstacle" {
	nvmpool format pool.img --size 256M
	nvmpool carve a 64M
	nvmpool carve b 64M
	mapped a
	works nvmpool resize b 100M
}

@test "a locked pool is waited for, then its holder is named" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	in_background flock --no-fork pool.img sleep 60
	until_true grep -qs FLOCK "/proc/${background[0]}/fdinfo/3"
	fails 6 "is locked by pid ${background[0]} (sleep)" \
		nvmpool resize a 8M --wait 0
	kill "${background[0]}"
	works nvmpool resize a 8M --wait 10
}

@test "a read-only pool file is status 8" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	chmod 444 pool.img
	run --separate-stderr as_nobody env NVMPOOL="$PWD/pool.img" nvmpool resize a 8M
	[ "$status" = 8 ]
	[[ $stderr == *"permission denied"* ]]
}

@test "--live grows a child that a VM maps, by extents of its own" {
	nvmpool format pool.img --size 640M
	works nvmpool assign vm1 64M --grow-to 256M
	read -ra words <<<"$output"
	in_background qemu-system-x86_64 -S -accel tcg -nodefaults -display none \
		-qmp "unix:$PWD/qmp.sock,server=on,wait=off" "${words[@]}"
	until_true test -S qmp.sock
	fails 6 "qemu-system" nvmpool resize vm1 128M
	works nvmpool resize vm1 128M --live -j
	json '.data.first_new_extent == 1 and
		([.data.extents[].size_bytes] == [67108864, 67108864])'
	[[ $stderr == *"'nvmpool args vm1 --for qmp --name vm1 --from-extent 1'"* ]]
	works nvmpool check
}

@test "--live is refused where a running VM could not take it" {
	nvmpool format pool.img --size 640M
	nvmpool assign vm1 128M --grow-to 256M
	nvmpool assign vm2 64M --mode raw --grow-to 256M
	fails 5 "room for 256M" nvmpool resize vm1 512M --live
	fails 5 "at least 64M" nvmpool resize vm1 +32M --live
	fails 2 "nothing can be taken" nvmpool resize vm1 64M --live
	fails 10 "raw child" nvmpool resize vm2 128M --live
	works nvmpool resize vm1 128M --live -j
	json '.data.changed == false'
}
