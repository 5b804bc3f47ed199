#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmvd and nvmwear on the kernel's disks: attach, detach, list, info, show, map,
# policy, and what the other commands say.  The kernel is a sysfs of files here,
# which takes every order and does nothing: what is told, and what is asked of
# the kernel, is tested.  The real one is in tests/vm.

load common
setup() { cli_setup; }
teardown() { cli_teardown; }

UUID=a56ddcae-b257-4c0e-9f5e-2d1f7a6b3c48
OTHER=00000000-1111-2222-3333-444444444444

# attributes DISK NAME TEXT...: of a disk in sys/
attributes() {
	local disk=sys/block/$1

	shift
	mkdir -p "$disk/nvmvd"
	while [ $# -gt 0 ]; do
		printf '%s\n' "$2" >"$disk/nvmvd/$1"
		shift 2
	done
}

# kernel_disk NAME UUID LABEL EXTENTS MINOR: 4 MiB on it, with a node of that name
kernel_disk() {
	attributes "$1" uuid "$2" label "$3" extents "$4" created_s 1764000000 durability bus \
		recovered 0 logical_blocks 900 physical_blocks 1000 mapped_count 10 free_count 90 \
		retired_count 0 log_count 0 seq 77 watermark 70 user_writes 1000 moves 20 \
		trim_lines 3 wear_total 1020 rolled_back 0 lost_lines 0 data_errors 0 lanes 5 \
		checksum table policy mbsa threshold 50 budget 0 endurance 0 verify 1 \
		scrub_kib_s 1024 scrub_rounds 2 scrub_errors 0
	echo 0 >"sys/block/$1/ro"
	# 999 blocks written once, one that cannot be read
	{
		for ((i = 0; i < 999; i++)); do printf '\x1\0\0\0'; done
		printf '\xff\xff\xff\xff'
	} >"sys/block/$1/nvmvd/counts"
	mkdir -p sys/dev/block
	ln -s "../../block/$1" "sys/dev/block/259:$5"
	mknod "$1" b 259 "$5" || skip "cannot make a device node here"
}

# kernel: a module without disks
kernel() {
	need_root
	unshare -m true 2>/dev/null || skip "cannot mount in a namespace here"
	mkdir -p sys/bus/nd/drivers/nvmvd sys/block
	: >sys/bus/nd/drivers/nvmvd/attach
	: >sys/bus/nd/drivers/nvmvd/detach
	: >sys/bus/nd/drivers/nvmvd/scan
}

two_disks() {
	kernel
	kernel_disk nvmvd0 "$UUID" data 'dax0.1 dax0.0 0x240200000 4194304' 1001
	kernel_disk nvmvd1 "$OTHER" '' 'dax1.1 dax1.0 0x280000000 2097152
namespace2.0 pmem2 0x2c0000000 2097152' 1002
}

# on COMMAND...: where that sysfs is the machine's
on() {
	unshare -m sh -c 'mount --bind sys /sys && exec "$@"' - "$@"
}

# on_read_only COMMAND...: the same, where it takes nothing
on_read_only() {
	unshare -m sh -c 'mount --bind sys /sys && mount -o remount,bind,ro /sys && exec "$@"' - "$@"
}

# asked ATTRIBUTE TEXT: the last order to the driver
asked() {
	[ "$(cat "sys/bus/nd/drivers/nvmvd/$1")" = "$2" ] || {
		echo "asked: $(cat "sys/bus/nd/drivers/nvmvd/$1")"
		return 1
	}
}

@test "what to attach and detach must be said, once" {
	fails 2 "missing UUID or DEVICE: the disk's uuid, or all memory devices" nvmvd attach
	fails 2 "'x' and --all: say one of them" nvmvd attach --all x
	fails 2 "missing DISK: nvmvd0, its path or uuid, or --all" nvmvd detach
	fails 2 "'x' and --all: say one of them" nvmvd detach -a x
	fails 2 "unexpected argument 'b'" nvmvd detach a b
	fails_json 2 usage nvmvd attach
	fails_json 2 usage nvmvd detach
}

@test "without the module, it is said how to load it" {
	need_root
	unshare -m true 2>/dev/null || skip "cannot mount in a namespace here"
	mkdir sys
	local words

	for words in "attach $UUID" "attach --all" "detach nvmvd0" "detach --all" list; do
		# shellcheck disable=SC2086
		fails 10 "module nvmvd is not loaded; 'modprobe nvmvd' loads it" on nvmvd $words
	done
	fails_json 10 unsupported on nvmvd list
	fails 3 "module nvmvd is not loaded; 'modprobe nvmvd'" on nvmvd info /dev/nvmvd7
}

@test "the kernel's disks are listed" {
	kernel
	works on nvmvd list
	[ "$output" = "no disk is attached" ]
	two_disks
	works on nvmvd list
	[ "$(wc -l <<<"$output")" = 3 ]
	[[ $output == *"/dev/nvmvd0"*"3.52 MiB"*clean*data*"$UUID"* ]] || explain "not so"
	echo 1 >sys/block/nvmvd0/nvmvd/recovered
	echo 1 >sys/block/nvmvd1/nvmvd/scrub_errors
	works on nvmvd list -j
	json '.data.disks | length == 2 and .[0].device == "/dev/nvmvd0" and .[0].uuid == "'"$UUID"'" and
		.[0].size_bytes == 900 * 4096 and .[0].state == "recovered" and .[0].extents == 1 and
		.[1].state == "errors" and .[1].label == null and .[1].extents == 2'
}

@test "a disk is attached by its uuid, and told" {
	two_disks
	works on nvmvd attach "$UUID" -j
	asked attach "$UUID"
	json '.data | .device == "/dev/nvmvd0" and .uuid == "'"$UUID"'" and .size_bytes == 900 * 4096 and
		.label == "data" and .extents == [{extent: 0, size_bytes: 4194304, address: 9665773568,
		device: "dax0.0", bus_device: "dax0.1"}]'
	works on nvmvd attach "${OTHER^^}"
	asked attach "${OTHER^^}"
	[[ $output == *device:*/dev/nvmvd1* ]] || explain "no device"
}

@test "devices go to the kernel by their names, and one thing at a time" {
	kernel
	# nothing attaches them here, which is noticed
	fails 1 "'dax5.0' was attached, and detached by somebody else" on nvmvd attach dax5.0 /dev/null
	asked attach "dax5.0 null"
	fails 2 "one disk at a time" on nvmvd attach "$UUID" dax0.0
	fails 2 "one disk at a time" on nvmvd attach "$UUID" "$OTHER"
	fails 2 "bad device 'dax0.0 dax1.0'" on nvmvd attach 'dax0.0 dax1.0'
	fails 2 "bad device ''" on nvmvd attach ''
	fails 2 "bad device" on nvmvd attach dax0000000000000000000000000000000000.0
	fails 3 "cannot attach './none': no device" on nvmvd attach ./none
	touch disk.img
	fails 2 "it is a file, and the kernel attaches memory devices; 'nvmvd serve'" on nvmvd attach disk.img
}

@test "what is attached already is not attached again" {
	two_disks
	fails 4 "cannot attach '/dev/dax1.0': it is attached already, as /dev/nvmvd1" on nvmvd attach /dev/dax1.0
	fails 4 "attached already, as /dev/nvmvd1" on nvmvd attach namespace2.0
	fails 4 "it is the kernel's disk nvmvd0 already" on nvmvd attach ./nvmvd0
	asked attach ""
}

@test "attach --all scans, and tells what is new" {
	two_disks
	works on nvmvd attach --all
	asked scan 1
	[ "$output" = "nothing new is there to be attached" ]
}

@test "a disk is detached by its name, uuid, node, and a link to that" {
	two_disks
	local name

	ln -s nvmvd1 by-id
	for name in nvmvd1 "$OTHER" ./nvmvd1 "$PWD/by-id"; do
		: >sys/bus/nd/drivers/nvmvd/detach
		works on nvmvd detach "$name" -j
		asked detach nvmvd1
		json '.data | .detached == "nvmvd1" and .uuid == "'"$OTHER"'" and
			[.extents[].device] == ["dax1.0", "pmem2"]'
	done
	works on nvmvd detach --all -j
	json '[.data.disks[].device] == ["/dev/nvmvd0", "/dev/nvmvd1"]'
	fails 3 "the kernel has no disk 'nvmvd2'; 'nvmvd list' tells which" on nvmvd detach nvmvd2
	fails 3 "the kernel has no disk '/dev/null'" on nvmvd detach /dev/null
	fails_json 3 not-found on nvmvd detach "${UUID/a5/b5}"
}

@test "who may not write to sysfs is told so" {
	two_disks
	chmod -R a+rX sys
	chmod 0200 sys/bus/nd/drivers/nvmvd/*
	# shellcheck disable=SC2016
	as_here() { unshare -m sh -c 'mount --bind sys /sys && exec setpriv --reuid=65534 \
		--regid=65534 --clear-groups "$@"' - "$@"; }
	as_nobody true
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	fails 8 "cannot detach nvmvd0: permission denied (root may)" as_here nvmvd detach nvmvd0
	fails 8 "cannot attach '${UUID/a5/b5}': permission denied (root may)" as_here nvmvd attach "${UUID/a5/b5}"
	fails 8 "cannot look for disks: permission denied (root may)" as_here nvmvd attach --all
	works as_here nvmvd list
	fails 8 "cannot detach nvmvd0: sysfs is read-only here (in a container?)" on_read_only nvmvd detach nvmvd0
	fails 8 "sysfs is read-only here (in a container?)" on_read_only nvmvd attach --all
}

@test "info of a kernel's disk has what info of any has, and the kernel's part" {
	two_disks
	nvmvd create own.img --size 4M >/dev/null
	works nvmvd info own.img -j
	local keys=$output

	works on nvmvd info ./nvmvd0 -j
	json '.data | .target == "./nvmvd0" and .uuid == "'"$UUID"'" and .label == "data" and .clean and
		.logical_blocks == 900 and .physical_blocks == 1000 and .mapped_blocks == 10 and
		.policy == "mbsa" and .threshold == 50 and .written_bytes == 4096000 and
		.kernel_device == "nvmvd0" and .verify and .scrub_bytes_s == 1048576 and
		(.extents | length) == 1'
	[ "$(jq -c --argjson own "$(jq -c '.data | keys' <<<"$keys")" '$own - (.data | keys)' <<<"$output")" = "[]" ] ||
		explain "not all keys"
	works on nvmvd info ./nvmvd0
	[[ $output == *"in use by the kernel"*dax0.0* ]] || explain "no extent"
}

@test "an attribute that makes no sense is named, not shown" {
	two_disks
	echo lots >sys/block/nvmvd0/nvmvd/moves
	fails 9 "cannot make sense of '/sys/block/nvmvd0/nvmvd/moves': not a number" on nvmvd info ./nvmvd0
	fails 9 "is the module of another version?" on nvmvd list
	rm sys/block/nvmvd0/nvmvd/moves
	fails 9 "'/sys/block/nvmvd0/nvmvd/moves': it is not there" on nvmwear show ./nvmvd0
}

@test "wear is shown and drawn from the kernel's counts" {
	two_disks
	works on nvmwear show ./nvmvd0 -j
	json '.data | .blocks == 1000 and .least == 1 and .most == 1 and .mean == 1 and
		.unreadable == 1 and .moves == 20 and .user_writes == 1000'
	works on nvmwear map ./nvmvd0
	[[ $output == *"from 1.0 to 1.0 writes"* ]] || explain "no map"
	: >sys/block/nvmvd0/nvmvd/counts
	fails 9 "cannot read the counts of the kernel's disk nvmvd0" on nvmwear show ./nvmvd0
}

@test "the policy of a kernel's disk is told, changed, and only where it differs" {
	two_disks
	local dir=sys/block/nvmvd0/nvmvd

	works on nvmwear policy ./nvmvd0 -j
	json '.data.policy == "mbsa" and .data.threshold == 50'
	works on nvmwear policy ./nvmvd0 adaptive --budget 40 --dry-run
	[ "$(cat $dir/policy $dir/budget)" = $'mbsa\n0' ]
	chmod 0 $dir/threshold
	works on nvmwear policy ./nvmvd0 adaptive --budget 40 --endurance 1e8 -j
	[ "$(cat $dir/policy)" = adaptive ]
	[ "$(cat $dir/budget)" = 40 ]
	[ "$(cat $dir/endurance)" = 100000000 ]
	[ "$(cat $dir/threshold)" = 50 ]
	json '.data.policy == "adaptive" and .data.budget == 40'
	fails 2 "no policy 'some'" on nvmwear policy ./nvmvd0 some
	fails 8 "cannot change the policy of the kernel's disk nvmvd0: sysfs is read-only here" \
		on_read_only nvmwear policy ./nvmvd0 none
	echo 1 >sys/block/nvmvd0/ro
	fails 8 "cannot change the budget of the kernel's disk nvmvd0: the disk is read-only" \
		on_read_only nvmwear policy ./nvmvd0 --budget 41
}

@test "levelling is the kernel's own business" {
	two_disks
	fails 10 "cannot level './nvmvd0': the kernel levels its disks by itself; 'nvmwear policy" on nvmwear level ./nvmvd0
}

@test "all other commands name the kernel's disk and what to do" {
	two_disks
	local words

	for words in check 'read 0' 'write 0' 'trim 0 4K' map 'resize +1M' 'export x' 'import /dev/null' \
		create serve; do
		# shellcheck disable=SC2086
		set -- $words
		fails 6 "it is the kernel's disk nvmvd1; read and write the device itself (dd, blkdiscard), or 'nvmvd detach nvmvd1' first, which makes it dax1.0 and 1 more again" \
			on nvmvd "$1" ./nvmvd1 "${@:2}"
	done
	nvmvd create own.img --size 4M >/dev/null
	fails 6 "cannot open './nvmvd0': it is the kernel's disk nvmvd0" on nvmvd info own.img --extent ./nvmvd0
	fails 2 "--extent is not for './nvmvd0'" on nvmvd info ./nvmvd0 --extent own.img
	fails_json 6 busy on nvmvd check ./nvmvd0
}

@test "a device that the kernel's disk has taken is not just missing" {
	two_disks
	fails 6 "cannot open '/dev/dax1.0': it is part of '/dev/nvmvd1', which this kernel has open; use that, or 'nvmvd detach /dev/nvmvd1' first" \
		on nvmvd info /dev/dax1.0
	fails 6 "it is part of '/dev/nvmvd1'" on nvmvd check /dev/pmem2
	fails 6 "it is part of '/dev/nvmvd0'" on nvmpool list --pool /dev/dax0.0
	fails 6 "cannot format '/dev/dax0.0': it is part of '/dev/nvmvd0', which this kernel has open; 'nvmvd detach" \
		on nvmpool format /dev/dax0.0
	fails 3 "no such file" on nvmvd info /dev/dax9.0
	fails 3 "the kernel has no such disk; 'nvmvd list' tells" on nvmvd info /dev/nvmvd7
}

@test "the kernel's disks are completed where one is wanted" {
	two_disks
	[ "$(on nvmvd __names disks | xargs)" = "nvmvd0 nvmvd1" ]
	# shellcheck disable=SC2016
	works on bash --norc -c '. "$1"; COMP_WORDS=(nvmvd detach nvmvd); COMP_CWORD=2; _nvmvd
		echo "${COMPREPLY[@]}"' - "$BUILD/completions/nvmvd"
	[ "$output" = "nvmvd0 nvmvd1" ]
	# shellcheck disable=SC2016
	HOME=$PWD works on fish --no-config -c 'source $argv[1]; complete -C "nvmvd detach n"' \
		"$BUILD/completions/nvmvd.fish"
	[ "$(cut -f1 <<<"$output" | sort | xargs)" = "nvmvd0 nvmvd1" ]
}
