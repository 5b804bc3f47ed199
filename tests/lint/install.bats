#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# install - `make install` puts everything where shells and man look for it,
# the installed tool works from there, and `make uninstall` leaves nothing.

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	dest="$BATS_TEST_TMPDIR/a place"
	make -s BUILD="${BUILD:-build}" DESTDIR="$dest" PREFIX=/usr install
}

uninstall() {
	make -s BUILD="${BUILD:-build}" DESTDIR="$dest" PREFIX=/usr uninstall
}

@test "tools, manual pages, completions and licence are where they belong" {
	cd "$dest/usr" || return
	for tool in nvmpool nvmvd nvmwear nvmtorture; do
		[ -x "bin/$tool" ]
		[ -s "share/man/man1/$tool.1" ]
		[ -s "share/bash-completion/completions/$tool" ]
		[ -s "share/zsh/site-functions/_$tool" ]
		[ -s "share/fish/vendor_completions.d/$tool.fish" ]
	done
	[ -s share/man/man5/nvmpool-pool.5 ]
	[ -s share/man/man7/nvmpool.7 ]
	[ -s share/doc/nvmpool/LICENSE ]
}

@test "the installed tool works without the tree it was built in" {
	cd "$BATS_TEST_TMPDIR" || return
	export NVMPOOL_STATE_DIR=$BATS_TEST_TMPDIR/state
	"$dest/usr/bin/nvmpool" format pool.img --size 64M
	"$dest/usr/bin/nvmpool" list
}

@test "the installed nvmvd finds its plugin of nbdkit" {
	cd "$BATS_TEST_TMPDIR" || return
	"$dest/usr/bin/nvmvd" create disk.img --size 16M
	# --socket: the default is in a folder of the system
	"$dest/usr/bin/nvmvd" serve disk.img --socket s -- --run 'nbdinfo --size "$uri"'
}

@test "man finds the installed pages" {
	mandoc -T utf8 "$dest/usr/share/man/man1/nvmpool.1" | grep -q nvmpool
}

@test "uninstall removes every file, and nothing that is not ours" {
	echo mine >"$dest/usr/bin/other"
	uninstall
	[ "$(find "$dest" ! -type d)" = "$dest/usr/bin/other" ]
}
