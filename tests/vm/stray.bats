#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# stray - the stray-write guards on a CPU with memory protection keys, under a
# stock kernel: tests/unit/test_stray runs inside a guest, on a tmpfs, on a file
# of a DAX file system, on /dev/daxN.M and on /dev/pmemN.
#
# One boot does it all; each test looks at one thing that came of it.

setup_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR PATH=$GUEST_BUILD:$PATH
	export NVMPOOL_STATE_DIR=$GUEST_DIR/state
	cd "$GUEST_DIR" || return
	guest_prepare "$GUEST_BUILD/tests/unit/test_stray" "$(command -v mkfs.ext4)"
	# Emulated where the processor here has none.
	grep -qw ospke /proc/cpuinfo || GUEST_ACCEL=tcg

	nvmpool format host.img --size 320M
	nvmpool assign vm1 64M --name dax --device nvdimm --ram 512M
	nvmpool assign vm1 128M --name fs --device nvdimm --mode fsdax --ram 512M >line
	mapfile -t line < <(xargs -n 1 printf '%s\n' <line)
	cat >run.sh <<-EOF
	load nfit nd_pmem device_dax dax_pmem crc32c_generic ext4
	dax=\$(extent $(nvmpool show dax -j | jq -r .data.uuid) 0 1)
	pmem=\$(extent $(nvmpool show fs -j | jq -r .data.uuid) 0 1)
	EOF
	cat >>run.sh <<-'EOF'
	export CMOCKA_MESSAGE_OUTPUT=TAP
	mkdir /dev/shm
	mount -t tmpfs shm /dev/shm
	# tests WHAT [DEVICE]: each test's verdict becomes a check's, in WHAT's name
	tests() {
		name=$1
		shift
		check "$name: ran" sh -c 'test_stray "$@" >/tmp/tap 2>/tmp/errors || { cat /tmp/tap /tmp/errors; exit 1; }' - "$@"
		sed -n "s/^ok [0-9]* - /guest: ok $name: /p; s/^not ok [0-9]* - /guest: not ok $name: /p" /tmp/tap
	}
	check "the CPU has keys" grep -qw ospke /proc/cpuinfo
	tests dax $dax
	tests pmem $pmem
	mkfs.ext4 -q -b 4096 $pmem
	check "DAX is mounted" mount -t ext4 -o dax $pmem /mnt
	TMPDIR=/mnt tests fs
	EOF
	guest_overlay run.sh guest.cpio
	guest_start stray guest.cpio "${line[@]}"
	guest_wait stray 200
}

setup() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	export GUEST_DIR=$BATS_FILE_TMPDIR
}

teardown_file() {
	. "$BATS_TEST_DIRNAME/guest.sh"
	GUEST_DIR=$BATS_FILE_TMPDIR guest_kill_all
}

# each GUARD RUN WHERE: what test_stray must have said of it
each() {
	local one

	guest_ok stray "the CPU has keys"
	for one in a_wild_write_is_stopped stores_of_any_place_and_length_arrive \
		a_discarded_range_reads_as_zeros stores_leave_no_mappings_behind \
		threads_store_into_one_page a_thread_from_before_loads_and_stores \
		a_guard_can_be_taken_off_again a_backing_for_reading_stays_one; do
		guest_ok stray "$2: $1: $3: $one"
	done
}

# files GUARD RUN WHERE: and of a file that can be cut short
files() {
	each "$@"
	guest_ok stray "$2: $1: $3: a_truncated_file_gives_eio"
}

@test "pkey guards a file on tmpfs" {
	files pkey dax tmpfs
	guest_ok stray "dax: pkey: tmpfs: a_full_disk_gives_enospc"
}

@test "pkey guards a file on a DAX file system" {
	guest_ok stray "DAX is mounted"
	files pkey fs file
}

@test "pkey guards /dev/daxN.M" {
	each pkey dax device
}

@test "pkey guards /dev/pmemN" {
	each pkey pmem device
}

@test "under pkey other threads are kept out while one stores" {
	guest_ok stray "dax: pkey: tmpfs: other_threads_are_kept_out_while_one_stores"
	guest_ok stray "dax: pkey: device: other_threads_are_kept_out_while_one_stores"
	guest_ok stray "fs: pkey: file: other_threads_are_kept_out_while_one_stores"
}

@test "mprotect guards devices, whole large pages of a devdax at once" {
	each mprotect dax device
	each mprotect pmem device
	files mprotect fs file
}

@test "map guards devices, whole large pages of a devdax at once" {
	each map dax device
	each map pmem device
	files map fs file
}

@test "without a guard a wild write goes through" {
	guest_ok stray "dax: none: device: without_a_guard_it_goes_through"
	guest_ok stray "fs: none: file: without_a_guard_it_goes_through"
}

@test "where there are keys, auto takes them" {
	guest_ok stray "dax: auto_is_pkey_where_there_are_keys_else_none"
}

@test "no other test of the guards failed there" {
	guest_ok stray "dax: ran"
	guest_ok stray "pmem: ran"
	guest_ok stray "fs: ran"
}
