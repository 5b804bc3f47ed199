#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmvd serve: a disk by the NBD protocol, as the clients see it that others have
# written.

load common
load hosted
load vdisk

setup() {
	cli_setup
	export XDG_RUNTIME_DIR=$PWD/run
	mkdir run
	plugin=$BUILD/nbdkit-nvmvd-plugin.so
	sanitized_nbdkit
}
teardown() { cli_teardown; }

# A sanitizer's runtime must be there before the plugin that needs it.  It begins
# with the first malloc(), which must not be that of p11-kit, a library of nbdkit:
# made under a lock of the C library that the runtime takes, and spoils, too.
sanitized_nbdkit() {
	local runtimes real bin=$BATS_TEST_TMPDIR/bin

	runtimes=$(ldd "$plugin" | awk '/lib[a-z]*san\.so/ { print $3 }' | paste -sd:)
	[ -n "$runtimes" ] || return 0
	real=$(command -v nbdkit)
	mkdir -p "$bin"
	gcc -O0 -shared -fPIC -Wl,-z,initfirst -o "$bin/first.so" -x c - <<-EOS
	#include <stdlib.h>
	static void __attribute__((constructor)) first(void) { free(malloc(1)); }
	EOS
	cat >"$bin/nbdkit" <<-EOS
	#!/bin/sh
	ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$runtimes:$bin/first.so exec $real "\$@"
	EOS
	chmod +x "$bin/nbdkit"
	PATH=$bin:$PATH
}

# serve ARGUMENT...: in the background; its URI is in $uri, its process in
# $server and that of nbdkit in $nbdkit
serve() {
	rm -f served
	nvmvd serve -j "$@" >served 2>serve.err 3>&- &
	server=$!
	background+=("$server")
	until_true test -s served -o ! -e "/proc/$server/exe"
	uri=$(jq -r .data.uri served)
	nbdkit=$(jq .data.nbdkit_pid served)
	[[ $uri == nbd* ]] || { cat served serve.err; return 1; }
}

# stop: the server ends, and has closed the disk
stop() {
	kill "$server"
	ended "$server"
	[ "$status" = 0 ] || { cat serve.err; return 1; }
	until_true gone "$nbdkit"
}

# client COMMAND...: of qemu-io
client() {
	local command args=()

	for command; do
		args+=(-c "$command")
	done
	qemu-io -f raw "${args[@]}" "$uri"
}

need_fio() {
	fio --enghelp | grep -qw nbd || skip "this fio knows no NBD"
}

# holes: "offset length" of each that a client is told of
holes() {
	nbdinfo --map "$uri" | awk '$3 == 3 { print $1, $2 }'
}

@test "nbdcopy both ways keeps every byte" {
	disk disk.img 96
	random in 60
	serve disk.img
	nbdcopy in "$uri"
	nbdcopy "$uri" out
	cmp -n $((60 << 20)) in out
	stop
	[ "$(figure disk.img clean)" = true ]
	nvmvd export disk.img whole 2>/dev/null
	cmp whole out
	sound disk.img
}

@test "the one line on standard output is the URI, and then its end" {
	disk disk.img 16
	# the substitution ends although the server goes on
	uri=$(nvmvd serve disk.img 2>serve.err 3>&- & echo $! >pid)
	background+=("$(cat pid)")
	[[ $uri == "nbd+unix:///?socket=$PWD/run/nvmpool/disk.img-"*.sock ]]
	[ "$(nbdinfo --size "$uri")" = "$(nbdinfo --size "$uri")" ]
	[[ $(cat serve.err) == "nvmvd: serving 'disk.img' ("*"Ctrl-C"* ]]
	kill "$(cat pid)"
	until_true gone "$(cat pid)"
	[ -z "$(ls run/nvmpool)" ]
	[ "$(figure disk.img clean)" = true ]
}

@test "a URI that nobody can read ends it" {
	disk disk.img 16
	run bash -c 'nvmvd serve disk.img >/dev/full'
	[ "$status" = 1 ]
	[[ $output == *"cannot write standard output: no space left"* ]]
	run bash -c 'nvmvd serve disk.img | true; echo "${PIPESTATUS[0]}"'
	[[ ${lines[-1]} == 141 || ${lines[-1]} == 0 ]]
	[ "$(figure disk.img clean)" = true ]
}

@test "in JSON it is an envelope with all that a script needs" {
	disk disk.img 16
	size=$(figure disk.img size_bytes)
	serve disk.img
	output=$(cat served)
	json ".command == \"serve\" and .ok and (.data | .target == \"disk.img\" and
		.size_bytes == $size and .pid == $server and .socket != null)"
	[ "$(nbdinfo --size "$uri")" = "$size" ]
	stop
}

@test "clients are told what it can" {
	disk disk.img 16
	serve disk.img
	nbdinfo --json "$uri" | jq -e '.exports[0] | .can_flush and .can_fua and .can_trim and
		.can_zero and .can_fast_zero and .can_multi_conn and (.can_cache | not) and
		(.is_read_only | not) and (.is_rotational | not) and .block_size_minimum == 512 and
		.block_size_preferred == 4096 and .block_size_maximum == 33554432'
	stop
}

@test "fio verifies what it has written, with several jobs and connections" {
	need_fio
	disk disk.img 64
	serve disk.img
	fio --name=verify --ioengine=nbd --uri="$uri" --numjobs=4 --size=12M \
		--offset_increment=12M --rw=randwrite --bsrange=4k-64k --iodepth=16 \
		--fsync=64 --verify=crc32c --verify_fatal=1 --output=fio.out
	fio --name=parts --ioengine=nbd --uri="$uri" --size=2M --rw=randrw --bs=512 \
		--iodepth=8 --verify=crc32c --verify_fatal=1 --output=fio.out
	stop
	sound disk.img
}

@test "qemu-img convert, compare and info" {
	disk disk.img 64
	size=$(figure disk.img size_bytes)
	truncate -s "$size" in.raw
	random noise 20
	dd if=noise of=in.raw bs=1M seek=7 conv=notrunc status=none
	qemu-img convert -f raw -O qcow2 in.raw in.qcow2
	serve disk.img
	qemu-img convert -n -f qcow2 -O raw in.qcow2 "$uri"
	qemu-img compare -f qcow2 -F raw in.qcow2 "$uri"
	qemu-img info --output=json -f raw "$uri" | jq -e ".\"virtual-size\" == $size"
	qemu-img convert -f raw -O raw "$uri" out.raw
	cmp in.raw out.raw
	[ "$(holes)" = "0 7340032
28311552 $((size - 28311552))" ]
	stop
	[ "$(figure disk.img mapped_blocks)" = 5120 ]
	sound disk.img
}

@test "a file system goes through it unharmed" {
	disk disk.img 64
	mkdir tree
	random tree/noise 8
	cp /proc/cpuinfo tree
	truncate -s 60M fs.img
	mkfs.ext4 -q -b 4096 -d tree fs.img
	serve disk.img
	nbdcopy fs.img "$uri"
	nbdcopy "$uri" out.img
	stop
	truncate -s 60M out.img
	cmp fs.img out.img
	fsck.ext4 -fn out.img
	debugfs -R "dump /noise noise" out.img 2>/dev/null
	cmp noise tree/noise
	sound disk.img
}

@test "trims and zeros make holes, which clients are told of" {
	filled_disk disk.img 64 10
	size=$(figure disk.img size_bytes)
	serve disk.img
	[ "$(holes)" = "10485760 $((size - 10485760))" ]
	client "discard 1M 2M" "write -z -u 5M 1M" "write -z 7M 512"
	[ "$(holes)" = "1048576 2097152
5242880 1048576
10485760 $((size - 10485760))" ]
	client "read -P 0 1M 2M" "read -P 0 5M 1M" "read -P 0 7M 512"
	nbdcopy "$uri" out
	# of a part of a block the rest stays, and a trim of it is a hint
	client "discard 512 8K"
	stop
	dd if=/dev/zero of=disk.img.in bs=1M seek=1 count=2 conv=notrunc status=none
	dd if=/dev/zero of=disk.img.in bs=1M seek=5 count=1 conv=notrunc status=none
	dd if=/dev/zero of=disk.img.in bs=512 seek=14336 count=1 conv=notrunc status=none
	cmp -n 10485760 out disk.img.in
	dd if=/dev/zero of=disk.img.in bs=4K seek=1 count=1 conv=notrunc status=none
	same_disk disk.img
	sound disk.img
}

@test "what was flushed is there after kill -9 in the middle of writes" {
	need_fio
	disk disk.img 64
	random in 16
	serve disk.img
	nbdcopy --flush in "$uri"
	in_background fio --name=load --ioengine=nbd --uri="$uri" --numjobs=2 --size=20M \
		--offset=20M --offset_increment=20M --rw=randwrite --bsrange=4k-64k \
		--iodepth=16 --time_based --runtime=60 --output=fio.out
	client "write -f -P 7 16M 1M" "sleep 700"
	kill -KILL "$nbdkit"
	ended "$server"
	[ "$status" = 1 ]
	grep -q "nbdkit has ended without closing disk 'disk.img', killed by signal 9" serve.err
	[ "$(figure disk.img clean)" = false ]
	sound disk.img
	serve disk.img
	nbdcopy "$uri" out
	client "read -P 7 16M 1M"
	stop
	cmp -n $((16 << 20)) in out
	[ "$(figure disk.img clean)" = true ]
	sound disk.img
}

@test "it ends at once and cleanly though clients stay" {
	disk disk.img 16
	serve disk.img
	mkfifo pipe
	in_background client "write -P 5 0 1M" "sleep 100000"
	until_true eval 'nbdinfo --map "$uri" | grep -q data'
	kill "$server"
	ended "$server"
	[ "$status" = 0 ]
	gone "$nbdkit"
	[ "$(figure disk.img clean)" = true ]
	[ "$(nvmvd read disk.img 0 1M | tr -d '\5' | wc -c)" = 0 ]
	sound disk.img
}

@test "nbdkit ends with nvmvd, and closes the disk" {
	filled_disk disk.img 16 1
	serve disk.img
	kill -KILL "$server"
	until_true gone "$nbdkit"
	[ "$(figure disk.img clean)" = true ]
	# the socket that is left over is no obstacle
	[ -S "$(jq -r .data.socket served)" ]
	serve disk.img
	stop
	same_disk disk.img
}

@test "Ctrl-C ends it like SIGTERM" {
	disk disk.img 16
	serve disk.img
	kill -INT "$server" "$nbdkit"
	ended "$server"
	[ "$status" = 0 ]
	[ "$(figure disk.img clean)" = true ]
}

@test "a disk that was not closed is recovered" {
	filled_disk disk.img 16 1
	serve disk.img
	client "write -P 3 1M 64K"
	kill -KILL "$nbdkit"
	ended "$server"
	before=$(sum disk.img)
	serve disk.img --read-only
	nbdinfo --is readonly "$uri"
	nbdcopy "$uri" out
	[ "$(head -c 1088K out | tail -c 64K | tr -d '\3' | wc -c)" = 0 ]
	stop
	[ "$before" = "$(sum disk.img)" ]
	serve disk.img
	client "read -P 3 1M 64K"
	stop
	[ "$(figure disk.img clean)" = true ]
	same_disk disk.img
}

@test "while it is served nobody else has the disk" {
	filled_disk disk.img 16 1
	serve disk.img
	fails 6 "is locked by pid $nbdkit (nbdkit)" nvmvd serve disk.img --wait 0
	fails 6 "is locked by pid $nbdkit" nvmvd info disk.img --wait 0
	fails 6 "is locked by pid $nbdkit" nvmpool format disk.img --force -y
	run nbdkit "$plugin" disk.img wait=0
	[[ $status = 1 && $output == *"is locked by pid $nbdkit"* ]]
	stop
	same_disk disk.img
}

@test "for reading it is served to many, and not changed" {
	filled_disk disk.img 16 1
	before=$(sum disk.img)
	serve disk.img --read-only
	first=$uri one=$server
	serve disk.img --read-only --socket other.sock
	nbdinfo --is readonly "$uri"
	run nbdcopy disk.img.in "$uri"
	[ "$status" != 0 ]
	nbdcopy "$uri" a
	nbdcopy "$first" b
	cmp -n $((1 << 20)) a disk.img.in
	cmp a b
	nvmvd info disk.img --wait 0 >/dev/null
	fails 6 "is locked by pid" nvmvd serve disk.img --wait 0
	stop
	kill "$one"
	ended "$one"
	[ "$before" = "$(sum disk.img)" ]
}

@test "filters: writes that the disk never sees" {
	filled_disk disk.img 16 1
	before=$(sum disk.img)
	serve disk.img --read-only -- --filter=cow
	client "write -P 9 0 64K" "read -P 9 0 64K"
	nbdcopy "$uri" out
	cmp -n $((960 << 10)) out disk.img.in -i 64K
	stop
	[ "$before" = "$(sum disk.img)" ]
}

@test "filters: any byte, through blocksize" {
	filled_disk disk.img 16 1
	serve disk.img -- --filter=blocksize minblock=4K
	[ "$(nbdinfo --json "$uri" | jq '.exports[0].block_size_minimum')" = 1 ]
	client "write -P 9 1000 33" "read -P 9 1000 33"
	stop
	printf '\11%.0s' {1..33} | dd of=disk.img.in bs=1 seek=1000 conv=notrunc status=none
	same_disk disk.img
}

@test "TLS: who has no key is turned away" {
	filled_disk disk.img 16 1
	echo "me:$(head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n')" >psk
	serve disk.img -- --tls=require --tls-psk="$PWD/psk"
	socket=$(jq -r .data.socket served)
	[ "$uri" = "nbds+unix:///?socket=$socket" ]
	nbdcopy "nbds+unix://me@/?socket=$socket&tls-psk-file=$PWD/psk" out
	run nbdinfo "nbd+unix:///?socket=$socket"
	[ "$status" != 0 ]
	stop
	cmp -n 1048576 disk.img.in out
}

@test "a damaged block is an input error to its reader, and to no other" {
	filled_disk disk.img 16 1
	rot disk.img 5
	serve disk.img
	client "read 0 20K" "read 24K 512K"
	run client "read 16K 16K"
	[[ $output == *"Input/output error"* ]]
	grep -q "block 5 (byte 0x5000) is damaged" serve.err
	client "write -P 1 20K 4K" "read -P 1 20K 4K"
	stop
	rot disk.img 6
	serve disk.img --no-verify
	client "read 16K 16K"
	stop
}

@test "each kind of guard" {
	disk disk.img 16
	for guard in none mprotect map pkey; do
		random in 4
		run nvmvd serve disk.img --guard "$guard" -- --run 'nbdcopy in "$uri" &&
			nbdcopy "$uri" out && cmp -n 4194304 in out'
		# only some processors have keys
		[[ $status != 10 || $guard != pkey ]] || continue
		[ "$status" = 0 ]
	done
	sound disk.img
}

@test "a child of a pool, which others go on using" {
	nvmpool format pool.img --size 128M >/dev/null
	nvmpool carve vm1 40M >/dev/null
	nvmpool carve vm2 20M >/dev/null
	nvmvd create vm1 -p pool.img >/dev/null
	random in 10
	serve vm1 -p pool.img
	nbdcopy in "$uri"
	nvmpool carve vm3 8M -p pool.img >/dev/null
	nvmpool release vm2 -y -p pool.img >/dev/null 2>&1
	fails 6 "by pid $nbdkit (nbdkit)" nvmpool release vm1 -y -p pool.img
	fails 6 "by pid $nbdkit (nbdkit)" nvmvd serve vm1 -p pool.img --wait 0
	nbdcopy "$uri" out
	stop
	cmp -n $((10 << 20)) in out
	sound vm1 -p pool.img
	nvmpool check -p pool.img
	run nbdkit -U - "$plugin" pool=pool.img child=vm1 --run 'nbdcopy "$uri" out2'
	[ "$status" = 0 ]
	cmp out out2
	run nbdkit "$plugin" pool=pool.img child=none
	[[ $status = 1 && $output == *"cannot find child 'none' in pool 'pool.img'"* ]]
}

@test "a disk on several files, in any order" {
	truncate -s 20M a b c
	nvmvd create a --extent b --extent c >/dev/null
	random in 40
	serve b --extent c -e a
	nbdcopy in "$uri"
	socket=$(jq -r .data.socket served)
	stop
	serve a -e b -e c
	[ "$socket" = "$(jq -r .data.socket served)" ]
	nbdcopy "$uri" out
	stop
	cmp -n $((40 << 20)) in out
	sound a -e b -e c
}

@test "on a port, of this host only" {
	disk disk.img 16
	port=$((20000 + RANDOM % 10000))
	serve disk.img --port $port
	[ "$uri" = "nbd://127.0.0.1:$port" ]
	nbdinfo --size "$uri"
	grep -qi "0100007F:$(printf %04X $port)" /proc/net/tcp
	stop
	works nvmvd serve disk.img --port $port -- --run 'echo "$uri"'
	[[ $output == nbd://*:$port ]]
	# nbdkit finds out too late to ask anybody: the disk is closed all the same
	serve disk.img --port $port
	disk other.img 16
	run nvmvd serve other.img --port $port
	[ "$status" = 1 ]
	[[ $output == *"Address already in use"*"nbdkit has ended before it served 'other.img'" ]]
	[ "$(figure other.img clean)" = true ]
	stop
}

@test "the socket is where it was asked for" {
	disk disk.img 16
	mkdir "a place"
	serve disk.img --socket "a place/s"
	[ "$uri" = "nbd+unix:///?socket=$PWD/a%20place/s" ]
	nbdinfo --size "$uri"
	stop
	[ ! -e "a place/s" ]
}

@test "a socket that cannot be is refused before anything is done" {
	filled_disk disk.img 16 1
	before=$(sum disk.img)
	echo mine >file
	fails 4 "there is something else of that name" nvmvd serve disk.img --socket file
	[ "$(cat file)" = mine ]
	fails 2 "is longer than 107 bytes" nvmvd serve disk.img --socket "$(printf %0108d 0)"
	fails 2 "bad socket ''" nvmvd serve disk.img --socket ''
	fails 2 "--socket and --port" nvmvd serve disk.img --socket s --port 1
	fails 2 "bad number '65536' for --port" nvmvd serve disk.img --port 65536
	disk other.img 16
	serve other.img --socket s
	fails 6 "'$PWD/s': another server does" nvmvd serve disk.img --socket s
	stop
	fails 3 "cannot make socket '$PWD/none/s'" nvmvd serve disk.img --socket none/s
	[ "$before" = "$(sum disk.img)" ]
}

@test "what is no disk, or not there, is refused in nvmvd's words" {
	head -c 1M /dev/zero >zeros
	fails 9 "there is no virtual disk" nvmvd serve zeros
	fails 3 "no such file" nvmvd serve ./none
	fails 2 "missing TARGET" nvmvd serve
	fails_json 9 not-a-pool nvmvd serve zeros
	works nvmvd serve --help
	[[ $output == *"TARGET [-- NBDKIT-ARGUMENT...]"* ]]
}

@test "without nbdkit it says what is missing" {
	disk disk.img 16
	mkdir bin
	ln -s "$BUILD/nvmvd" "$plugin" bin
	fails 10 "nbdkit is not installed" env PATH="$PWD/bin" "$BUILD/nvmvd" serve disk.img
	[ -z "$(ls run/nvmpool)" ]
}

@test "without the plugin it says what is missing" {
	disk disk.img 16
	cp "$BUILD/nvmvd" .
	fails 10 "nbdkit-nvmvd-plugin.so is neither beside this program nor in" \
		./nvmvd serve disk.img
	mkdir -p there/bin there/lib/nvmpool
	cp "$BUILD/nvmvd" there/bin
	cp "$plugin" there/lib/nvmpool
	works there/bin/nvmvd serve disk.img -- --run 'nbdinfo --size "$uri"'
	[ "$output" = "$(figure disk.img size_bytes)" ]
}

@test "what nbdkit refuses ends it" {
	filled_disk disk.img 16 1
	run nvmvd serve disk.img -- --no-such-option
	[ "$status" = 1 ]
	[[ $output == *"nvmvd: nbdkit has ended before it served 'disk.img'"* ]]
	run nvmvd serve disk.img -- colour=red
	[[ $status = 1 && $output == *"unknown parameter 'colour'"* ]]
	[ "$(figure disk.img clean)" = true ]
	same_disk disk.img
}

@test "--run serves for as long as one command takes" {
	filled_disk disk.img 16 1
	works nvmvd serve disk.img -- --run 'nbdcopy "$uri" - | head -c 1M'
	cmp -n 1048576 disk.img.in <(nvmvd serve disk.img -- --run 'nbdcopy "$uri" -')
	fails 1 "the command of --run has ended with status 3" \
		nvmvd serve disk.img -- --run 'exit 3'
	[ -z "$(ls run/nvmpool)" ]
	[ "$(figure disk.img clean)" = true ]
}

@test "the plugin by hand: parameters, and what is wrong with them" {
	filled_disk disk.img 16 1
	nbdkit "$plugin" --dump-plugin | grep -q ^max_thread_model=parallel
	nbdkit "$plugin" --help | grep -q "read-only=true"
	nbdkit -U - "$plugin" disk.img level=off verify=off --run 'nbdcopy "$uri" out'
	cmp -n 1048576 disk.img.in out
	for wrong in "" "pool=x" "child=x" "disk.img child=x pool=y" "guard=x disk.img" \
		"level=x disk.img" "wait=x disk.img" "control-fd=77 disk.img" "none.img" "disk.img disk.img"; do
		# shellcheck disable=SC2086
		run nbdkit "$plugin" $wrong wait=0
		[[ $status = 1 && $output == *"error: "* ]] || explain "$wrong"
	done
	nbdkit -r -U - "$plugin" disk.img --run 'nbdinfo --is readonly "$uri"'
	same_disk disk.img
}

@test "nbdkit in the background closes the disk when it ends" {
	disk disk.img 16
	random in 2
	nbdkit -P pid -U "$PWD/s" "$plugin" disk.img 3>&-
	nbdcopy in "nbd+unix:///?socket=$PWD/s"
	locked disk.img
	kill "$(cat pid)"
	until_true gone "$(cat pid)"
	[ "$(figure disk.img clean)" = true ]
	nvmvd read disk.img 0 2M | cmp - in
}
