# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# guest.sh - sourced by tests and the demo: boot a real guest (Debian's kernel
# under QEMU) with a script of its own inside, and watch its console.
#
#	guest_prepare [PROGRAM...]	the initramfs with these programs in it
#	guest_overlay SCRIPT OUT [FILE...]  lay a test's script and files over it
#	guest_start NAME INITRD [ARG...]  boot, in the background
#	guest_line NAME REGEX SECONDS	wait for a line on its console
#	guest_ok NAME CHECK		did it say "ok CHECK"?
#	guest_wait NAME SECONDS		wait for it to power off
#	guest_kill NAME			SIGKILL to QEMU: no goodbye of any kind
#
# The kernel is the newest of .ci/guest-kernel, or that of $GUEST_KERNEL_SERIES
# (6.1, 6.12, debug).  State lives in files of $GUEST_DIR (a test's own folder): NAME.console,
# NAME.pid, NAME.qemu (what QEMU said).  A guest cannot outlive its limit,
# $GUEST_LIMIT seconds, whatever becomes of the shell that started it.

GUEST_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
GUEST_BUILD=${BUILD:-$GUEST_HOME/build}
GUEST_LIMIT=${GUEST_LIMIT:-240}
# A kernel that checks everything takes many times as long.
GUEST_PATIENCE=1
if [ "${GUEST_KERNEL_SERIES:-}" = debug ]; then
	GUEST_PATIENCE=10
	GUEST_LIMIT=$((GUEST_LIMIT * GUEST_PATIENCE))
fi

# Nothing here is about NVM: these initcalls cost an emulated machine a second
# and a half at every boot (self tests, certificates, BPF's type tables).
GUEST_APPEND="console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off
no_timer_check tsc=reliable ipv6.disable=1 cryptomgr.notests=1
initcall_blacklist=jent_mod_init,load_system_certificate_list,\
bpf_tcp_ca_kfunc_init,bpf_dummy_struct_ops_init,init_encrypted,\
trace_eval_init,crypto_kdf108_init,kfunc_init"
GUEST_APPEND=${GUEST_APPEND//$'\n'/ }

# guest_prepare [PROGRAM...]: sets GUEST_KERNEL, GUEST_RELEASE, GUEST_BASE,
# GUEST_ACCEL (kvm where the tool found that it really runs a guest, else tcg);
# $GUEST_MODULES are more modules than mkinitrd's own
guest_prepare() {
	local folder which

	# shellcheck disable=SC2086 # no series is no argument
	folder=$("$GUEST_HOME/.ci/guest-kernel" ${GUEST_KERNEL_SERIES:-}) || return 1
	GUEST_KERNEL=$folder/vmlinux
	[ -e "$GUEST_KERNEL" ] || GUEST_KERNEL=$folder/vmlinuz
	# shellcheck disable=SC2034 # for who comes with a module
	GUEST_RELEASE=$(<"$folder/release")
	GUEST_ACCEL=$("$GUEST_BUILD/nvmpool" doctor --accel) || return 1
	which=$(printf '%s\n' "${GUEST_MODULES:-}" "$@" | cksum | cut -d' ' -f1)
	GUEST_BASE=$GUEST_BUILD/vm/base-$which-${folder##*/}.cpio
	mkdir -p "$GUEST_BUILD/vm"
	(
		flock 9
		"$GUEST_HOME/tests/vm/mkinitrd" "$folder" "$GUEST_BASE" "$@"
	) 9>"$GUEST_BASE.lock"
}

# guest_overlay SCRIPT OUT [FILE...]: files land in the guest's /
guest_overlay() {
	local script=$1 out=$2 dir

	shift 2
	dir=$(mktemp -d)
	chmod 755 "$dir"
	cp "$script" "$dir/run.sh"
	[ $# = 0 ] || cp -L "$@" "$dir/"
	(cd "$dir" && find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0) |
		cat "$GUEST_BASE" - >"$out"
	rm -rf "$dir"
}

# guest_start NAME INITRD [ARG...]: ARGs are those of `nvmpool assign` as they
# were printed, or a test's own; $GUEST_CPU and $GUEST_APP add to ours.
guest_start() {
	local initrd=$2 base=$GUEST_DIR/$1 accel=$GUEST_ACCEL cpu=host

	shift 2
	if [ "$accel" = tcg ]; then
		accel=tcg,thread=multi cpu=max,-erms,-fsrm
	fi
	rm -f "$base.pid" "$base.console" "$base.qemu"
	: >"$base.console"
	# Not in the test's own descriptors: bats waits for everyone who holds them.
	timeout -k 2 "$GUEST_LIMIT" qemu-system-x86_64 -accel "$accel" \
		-cpu "$cpu${GUEST_CPU:+,$GUEST_CPU}" -nodefaults -display none -no-reboot \
		-pidfile "$base.pid" -serial "file:$base.console" \
		-kernel "$GUEST_KERNEL" -initrd "$initrd" \
		-append "$GUEST_APPEND${GUEST_APP:+ $GUEST_APP}" \
		"$@" </dev/null >"$base.qemu" 2>&1 3>&- 4>&- 9>&- &
	echo $! >"$base.job"
	disown $!	# or the shell would tell of each guest that is killed
}

guest_running() {
	kill -0 "$(cat "$GUEST_DIR/$1.job")" 2>/dev/null
}

# What went wrong, for the reader of a failed test.
guest_show() {
	echo "--- console of $1 (last lines):"
	tail -n "${2:-30}" "$GUEST_DIR/$1.console"
	echo "--- QEMU said:"
	cat "$GUEST_DIR/$1.qemu"
}

# guest_line NAME REGEX SECONDS
guest_line() {
	local deadline=$((SECONDS + $3 * GUEST_PATIENCE))

	while ! grep -aqE "$2" "$GUEST_DIR/$1.console"; do
		if ! guest_running "$1"; then
			grep -aqE "$2" "$GUEST_DIR/$1.console" && return 0
			echo "guest $1 ended before it said: $2"
			guest_show "$1"
			return 1
		fi
		if [ $SECONDS -ge $deadline ]; then
			echo "guest $1 did not say within $3 s: $2"
			guest_show "$1"
			return 1
		fi
		sleep 0.1
	done
}

# guest_ok NAME CHECK: what the guest's `check CHECK ...` came to
guest_ok() {
	tr -d '\r' <"$GUEST_DIR/$1.console" | awk -v name="$2" '
		/^guest: /		{ show = 0 }
		$0 == "guest: ok " name	{ ok = said = 1 }
		$0 == "guest: not ok " name { show = said = 1 }
		show			{ print }
		END { if (!said) print "the guest said nothing of: " name; exit !ok }'
}

# guest_wait NAME SECONDS: until it powered off of its own accord
guest_wait() {
	local deadline=$((SECONDS + $2 * GUEST_PATIENCE))

	while guest_running "$1"; do
		if [ $SECONDS -ge $deadline ]; then
			echo "guest $1 did not end within $2 s"
			guest_show "$1"
			guest_kill "$1"
			return 1
		fi
		sleep 0.1
	done
	if ! grep -aq '^guest: end' "$GUEST_DIR/$1.console"; then
		echo "guest $1 did not come to its end"
		guest_show "$1"
		return 1
	fi
}

guest_kill() {
	local pid

	pid=$(cat "$GUEST_DIR/$1.pid")
	kill -KILL "$pid"
	while guest_running "$1"; do
		sleep 0.05
	done
}

# For a test's teardown: no guest of this folder stays behind.
guest_kill_all() {
	local job

	for job in "$GUEST_DIR"/*.job; do
		[ -e "$job" ] || continue
		kill -KILL "-$(cat "$job")" 2>/dev/null || kill -TERM "$(cat "$job")" 2>/dev/null || true
	done
}
