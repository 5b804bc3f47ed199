#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154
#
# live - children grow while their VM runs: new extents are carved with
# `resize --live` and plugged in with what `args --for qmp` prints; the guest's
# kernel brings them up, and knows which child they belong to.
#
# One boot does it all; each test looks at one thing that came of it.

setup_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$GUEST_BUILD/tests/vm:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return

	nvmpool format pool.img --size 640M
	nvmpool assign vm1 64M --name virt --ram 512M --grow-to 256M
	nvmpool assign vm1 64M --name dimm --ram 512M --grow-to 256M --device nvdimm >line 2>warnings
	mapfile -t line < <(xargs -n 1 printf '%s\n' <line)
	cat >run.sh <<-EOF
	load virtio_pci virtio_pmem pciehp nfit nd_pmem device_dax dax_pmem
	virt=$(nvmpool show virt -j | jq -r .data.uuid) dimm=$(nvmpool show dimm -j | jq -r .data.uuid)
	EOF
	cat >>run.sh <<-'EOF'
	v0=$(extent $virt 0 1) d0=$(extent $dimm 0 1)
	check "both are there" [ -b $v0 -a -c $d0 ]
	check "stored before" eval '/poke fill $v0 0 1048576 1 && /poke fill $d0 0 1048576 2'
	say running
	v1=no d1=no n=0
	until [ -b "$v1" -a -c "$d1" ] || [ $n = 30 ]; do
		v1=$(extent $virt 1 2) d1=$(extent $dimm 1 2) n=$((n + 1))
	done
	check "the new virtio-pmem is extent 1 of its child" [ -b $v1 ]
	check "the new NVDIMM is extent 1 of its child" [ -c $d1 ]
	check "they have the new size, less the stamp" eval \
		'[ $(device_bytes $v1) = 132120576 ] && [ $(device_bytes $d1) = 65011712 ]'
	check "they read as zeros" eval '/poke zero $v1 0 132120576 && /poke zero $d1 0 65011712'
	check "stored after" eval '/poke fill $v1 0 1048576 3 && /poke fill $d1 0 1048576 4'
	check "what was stored before is there" eval \
		'/poke look $v0 0 1048576 1 && /poke look $d0 0 1048576 2'
	EOF
	guest_prepare
	guest_overlay run.sh guest.cpio "$GUEST_BUILD/tests/vm/poke"
	mkfifo qmp.in qmp.out
	exec {qmp}<>qmp.in
	guest_start live guest.cpio "${line[@]}" -chardev pipe,id=qmp,path=qmp -mon chardev=qmp,mode=control
	cat qmp.out >qmp.log 2>/dev/null 3>&- &
	guest_line live '^guest: running' 120
	nvmpool resize virt 192M --live
	nvmpool resize dimm 128M --live
	for child in virt dimm; do
		nvmpool args vm1 --ram 512M --for qmp --name $child --from-extent 1 >&"$qmp"
	done
	guest_wait live 120
}

setup() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$GUEST_BUILD/tests/vm:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	GUEST_DIR=$BATS_FILE_TMPDIR guest_kill_all
}

# at CHILD EXTENT: where its data begin in the pool, behind the stamp
at() {
	echo $(($(nvmpool show "$1" -j | jq ".data.extents[$2].offset_bytes") + 2097152))
}

@test "children grow while a VM maps them, and QEMU takes the new extents" {
	guest_ok live "both are there"
	if grep -E "GenericError|DeviceNotFound" qmp.log; then false; fi
	[ "$(nvmpool show virt -j | jq -c '[.data.extents[].size_bytes]')" = '[67108864,134217728]' ]
	[ "$(nvmpool show dimm -j | jq -c '[.data.extents[].size_bytes]')" = '[67108864,67108864]' ]
}

@test "a virtio-pmem comes up in the running guest, known by its uuid" {
	guest_ok live "the new virtio-pmem is extent 1 of its child"
}

@test "an NVDIMM comes up in the running guest, known by its uuid" {
	guest_ok live "the new NVDIMM is extent 1 of its child"
}

@test "what is new has its size and reads as zeros" {
	guest_ok live "they have the new size, less the stamp"
	guest_ok live "they read as zeros"
}

@test "old and new data lie where show says" {
	guest_ok live "what was stored before is there"
	guest_ok live "stored after"
	poke look pool.img "$(at virt 0)" 1048576 1
	poke look pool.img "$(at dimm 0)" 1048576 2
	poke look pool.img "$(at virt 1)" 1048576 3
	poke look pool.img "$(at dimm 1)" 1048576 4
}

@test "the pool is consistent, and the next line has all extents" {
	nvmpool check
	nvmpool args vm1 --ram 512M | xargs -n 1 printf '%s\n' | grep -c '^memory-backend-file' | grep -qx 4
}
