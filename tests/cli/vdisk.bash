# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034
#
# vdisk.bash - virtual disks with contents, and damage to them; for the tests
# of nvmvd.  Load after common (and hosted, for random and ended).

# disk FILE MEBIBYTES: an empty disk in a new file
disk() {
	nvmvd create "$1" --size "$2M" >/dev/null
}

# filled_disk FILE MEBIBYTES DATA: a disk of that area that begins with DATA MiB
# of noise, which are in FILE.in too
filled_disk() {
	disk "$1" "$2"
	random "$1.in" "$3"
	nvmvd import "$1" "$1.in" 2>/dev/null
}

# filled_child CHILD DATA: the same in a child that is there
filled_child() {
	nvmvd create "$1" >/dev/null
	random "$1.in" "$2"
	nvmvd import "$1" "$1.in" 2>/dev/null
}

# same_disk FILE: it still begins with what filled_disk() has put there
same_disk() {
	nvmvd export "$1" "${@:2}" whole 2>/dev/null
	cmp -n "$(stat -c %s "$1.in")" whole "$1.in" && rm whole
}

# figure TARGET KEY: a member of what info says
figure() {
	nvmvd info "$1" -j 2>/dev/null | jq ".data.$2"
}

# place FILE BLOCK: where in the file the block lies
place() {
	nvmvd map "$1" --blocks $(($2 * 4096)) 4K -j 2>/dev/null |
		jq '.data.ranges[0].extent_offset_bytes'
}

# rot FILE BLOCK: other bytes in the place of the block's
rot() {
	head -c 64 /dev/urandom |
		dd of="$1" bs=1 seek="$(($(place "$1" "$2") + 100))" conv=notrunc status=none
}

# locked FILE: somebody holds its lock
locked() {
	! flock -n "$1" true
}

# sound TARGET...: check finds nothing
sound() {
	[ "$(nvmvd check "$@" 2>&1)" = "no problems" ] || {
		nvmvd check "$@"
		return 1
	}
}
