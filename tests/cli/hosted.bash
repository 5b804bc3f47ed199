# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# hosted.bash - children with contents, and processes that use them; for the
# tests of resize, compact, check, export and import.  Load after common.

# offset CHILD [EXTENT]: where it lies in the pool's file
offset() {
	nvmpool show "$1" -j 2>/dev/null | jq ".data.extents[${2:-0}].offset_bytes"
}

# extents CHILD: all of its places, as one word to compare
extents() {
	nvmpool show "$1" -j 2>/dev/null | jq -c .data.extents
}

# random FILE MEBIBYTES
random() {
	head -c "$(($2 << 20))" /dev/urandom >"$1"
}

# filled CHILD MEBIBYTES: carve it and fill it; its contents are in CHILD.in
filled() {
	random "$1.in" "$2"
	nvmpool carve "$1" "$2M" >/dev/null
	nvmpool import "$1" "$1.in" --yes 2>/dev/null
}

# intact CHILD: it still holds what filled() has put there
intact() {
	nvmpool export "$1" 2>/dev/null | cmp - "$1.in"
}

# gaps: a pool with the children b, d and f, and free space between them
gaps() {
	local child

	nvmpool format pool.img --size 128M >/dev/null
	for child in a b c d e f; do
		filled "$child" 10
	done
	for child in a c e; do
		nvmpool release "$child" -y >/dev/null 2>&1
	done
}

# mapped CHILD: a real VMM maps its first extent; its pid is in $vmm
mapped() {
	local at size

	at=$(offset "$1")
	size=$(nvmpool show "$1" -j 2>/dev/null | jq '.data.extents[0].size_bytes')
	in_background qemu-system-x86_64 -S -M q35,accel=tcg -nodefaults \
		-display none -object "memory-backend-file,id=m,mem-path=pool.img,\
offset=$at,size=$size,share=on"
	vmm=$!
	until_true grep -q pool.img "/proc/$vmm/maps"
}

# le64 FILE OFFSET: a little-endian number in it
le64() {
	od -An -tu8 -j "$2" -N 8 --endian=little "$1" | tr -d ' '
}

# spoil OFFSET [BYTES]: other bytes in pool.img
spoil() {
	head -c "${2:-16}" /dev/urandom |
		dd of=pool.img bs=1 seek="$1" conv=notrunc status=none
}

# leased PID: that tool works on the bytes of a child now.  (Each tool has one
# more lock, its mark, at 2^62.)
leased() {
	grep -hs OFDLCK "/proc/$1/fdinfo/"* | grep -qv 4611686018427387904
}

# ended JOB: wait for it; $status is its own ("run" cannot: it is a subshell)
ended() {
	status=0
	wait "$1" || status=$?
}

# gone PID: it has ended (and so unmapped all it had)
gone() {
	[ ! -e "/proc/$1/maps" ] || [ -z "$(cat "/proc/$1/maps" 2>/dev/null)" ]
}
