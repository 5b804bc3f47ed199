#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# library - what `make install` gives to programs of others: libnvmpool exports
# what its headers declare and nothing else, each header compiles by itself,
# and the example in docs/ builds against the installed copy and runs.

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	export DEST=$BATS_FILE_TMPDIR/dest
	make -s BUILD="${BUILD:-build}" DESTDIR="$DEST" PREFIX=/usr install
	export PKG_CONFIG_PATH=$DEST/usr/lib/pkgconfig
	export HEADERS=$DEST/usr/include/nvmpool
	export LD_LIBRARY_PATH=$DEST/usr/lib
	CC=${CC:-gcc}
	export CC
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# config OPTION...: pkg-config for the copy in $DEST
config() {
	pkg-config --define-variable=prefix="$DEST/usr" "$@" libnvmpool
}

# declared: the names that the installed headers declare, as the compiler sees
# them, and not as exports.awk does
declared() {
	find "$HEADERS" -name '*.h' -printf '#include <%P>\n' >all.c
	gcc -I"$HEADERS" -fsyntax-only -aux-info declared all.c
	grep -F "$HEADERS/" declared | grep -v "/base/env.h:" | grep -v '\*/ static' |
		sed 's/ (.*//; s/.*[ *]//'
	sed -n 's/^extern .*[ *]\([a-z_]*\)\[\];.*/\1/p' "$HEADERS"/*/*.h
}

# run_twice PROGRAM: it makes a disk, and then finds it
run_twice() {
	run "$1" disk.img
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"was ''"*"is 'hello'" ]]
	run "$1" disk.img
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"was 'hello'"*"is 'hello'" ]]
}

@test "the shared library exports what the headers declare, and nothing else" {
	nm -D --defined-only "$DEST/usr/lib/libnvmpool.so" |
		awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >exported
	declared | sort >wanted
	[ -s wanted ]
	diff wanted exported
}

@test "the static library has the same names, and no others" {
	nm -g --defined-only "$DEST/usr/lib/libnvmpool.a" | awk 'NF == 3 { print $3 }' | sort >exported
	declared | sort >wanted
	diff wanted exported
}

@test "each header compiles by itself" {
	local header

	while read -r header; do
		printf '#include <%s>\n#include <%s>\n' "$header" "$header" >one.c
		$CC -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -fsyntax-only -I"$HEADERS" one.c
		$CC -std=gnu17 -Wall -Wextra -Wconversion -Werror -fsyntax-only -I"$HEADERS" one.c
	done < <(find "$HEADERS" -name '*.h' -printf '%P\n')
}

@test "headers include nothing that is not installed" {
	local header

	while read -r header; do
		echo "$header"
		[ -e "$HEADERS/$header" ]
	done < <(grep -rhoE '#include "[^"]*"' "$HEADERS" | cut -d'"' -f2 | sort -u)
}

@test "the library is found by its soname" {
	readelf -d "$DEST/usr/lib/libnvmpool.so" | grep -q 'SONAME.*\[libnvmpool\.so\.0\]'
	[ "$(readlink -f "$DEST/usr/lib/libnvmpool.so.0")" = \
	  "$(readlink -f "$DEST/usr/lib/libnvmpool.so")" ]
}

@test "the example builds against the shared library, and runs" {
	# shellcheck disable=SC2046 # flags are words
	$CC -Wall -Wextra -Werror "$DEST/usr/share/doc/nvmpool/example.c" -o example \
		$(config --cflags --libs)
	ldd example | grep -q "$DEST/usr/lib/libnvmpool.so.0"
	run_twice ./example
}

@test "the example builds against the static library, and runs" {
	local libs

	libs=$(config --static --libs)
	# shellcheck disable=SC2046,SC2086 # flags are words
	$CC -Wall -Wextra -Werror "$DEST/usr/share/doc/nvmpool/example.c" -o example \
		$(config --cflags) ${libs/-lnvmpool/-l:libnvmpool.a}
	[[ $(ldd example) != *libnvmpool* ]]
	run_twice ./example
}
