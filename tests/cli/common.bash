# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The variables below are set by bats and read by the tests.
# shellcheck disable=SC2154,SC2034
#
# common.bash - what the tests of the commands share.  A test file begins with
#
#	load common
#	setup() { cli_setup; }
#	teardown() { cli_teardown; }
#
# and then stands in an empty directory of its own, with the tools under test
# in front of PATH and a registry of its own.

bats_require_minimum_version 1.5.0

cli_setup() {
	BUILD=${BUILD:-$BATS_TEST_DIRNAME/../../build}
	BUILD=$(cd "$BUILD" && pwd)
	PATH=$BUILD:$PATH
	export NVMPOOL_STATE_DIR=$BATS_TEST_TMPDIR/state
	unset NVMPOOL NO_COLOR
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	background=()
	mounted=()
}

cli_teardown() {
	local job fs

	for job in "${background[@]}"; do
		kill -9 "$job" 2>/dev/null || true
		wait "$job" 2>/dev/null || true
	done
	cd / || return 1
	for fs in "${mounted[@]}"; do
		umount "$fs"
	done
}

# explain TEXT...: why a test fails, and what was seen last
explain() {
	echo "$*"
	echo "status: $status"
	echo "stdout: $output"
	echo "stderr: $stderr"
	return 1
}

# works COMMAND...: ends with 0; $output and $stderr are its own
works() {
	run --separate-stderr "$@"
	[ "$status" = 0 ] || explain "failed: $*"
}

# fails STATUS TEXT COMMAND...: ends with STATUS, says one line with TEXT on
# standard error (warnings beside) and nothing on standard output
fails() {
	local want=$1 text=$2 line

	shift 2
	run --separate-stderr "$@"
	[ "$status" = "$want" ] || explain "not $want: $*" || return 1
	[ -z "$output" ] || explain "standard output of a failure: $*" || return 1
	line=$(grep -vE '^nvm(pool|vd|wear|torture): warning: ' <<<"$stderr") || true
	[ "$(wc -l <<<"$line")" = 1 ] || explain "not one line: $*" || return 1
	[[ $line == nvm@(pool|vd|wear|torture)": "*"$text"* ]] || explain "no '$text': $*"
}

# json FILTER: the last output is one envelope for which FILTER is true
json() {
	[ "$(wc -l <<<"$output")" = 1 ] || explain "not one line" || return 1
	jq -e '.schema == 1 and (.warnings | type == "array") and
		(.ok == (has("error") | not))' <<<"$output" >/dev/null ||
		explain "not an envelope" || return 1
	jq -e "$1" <<<"$output" >/dev/null || explain "not so: $1"
}

# fails_json STATUS CODE COMMAND...: an envelope of the failure with -j
fails_json() {
	local want=$1 code=$2

	shift 2
	run --separate-stderr "$@" -j
	[ "$status" = "$want" ] || explain "not $want: $*" || return 1
	json ".ok == false and .error.status == $want and
		.error.code == \"$code\" and (.error.message | length > 0)"
}

# in_background COMMAND...: killed at the end of the test
in_background() {
	"$@" 3>&- &
	background+=($!)
}

# until_true COMMAND...: wait for it, ten seconds at most
until_true() {
	local i

	for ((i = 0; i < 200; i++)); do
		"$@" && return
		sleep 0.05
	done
	echo "never true: $*"
	return 1
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# small_fs DIRECTORY SIZE: an empty file system of that size
small_fs() {
	need_root
	mkdir -p "$1"
	mount -t tmpfs -o "size=$2" tmpfs "$1" || skip "cannot mount a tmpfs here"
	mounted+=("$PWD/$1")
}

# as_nobody COMMAND...: without root's power to write everything.  The way to
# the test's directory is opened, and the tools are there under PATH, as the
# sources may lie where nobody else may look.
as_nobody() {
	need_root
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR" .
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	find "$BUILD" -maxdepth 1 -name 'nvm*' -perm -u+x \
		-exec cp -u -t "$BATS_TEST_TMPDIR/bin" {} +
	chmod -R a+rX "$BATS_TEST_TMPDIR/bin"
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$@"
}

# lacks TEXT [FILE]: it is not there ("! grep" would not fail a test)
lacks() {
	if grep -qaF -- "$@"; then
		echo "found: $1"
		return 1
	fi
}

# poke FILE OFFSET BYTES: as printf writes them
poke() {
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# page_seal FILE OFFSET: give a changed metadata page its right checksum again
# (CRC32C over 4096 bytes with the checksum as 0, docs/format.md section 2)
page_seal() {
	poke "$1" $(($2 + 8)) '\0\0\0\0'
	poke "$1" $(($2 + 8)) "$(tail -c +$(($2 + 1)) "$1" | head -c 4096 |
		"$BATS_TEST_DIRNAME/crc32c")"
}

# sum FILE: to see whether anything has changed
sum() {
	sha256sum <"$1"
}
