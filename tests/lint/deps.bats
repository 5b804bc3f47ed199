#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2030,SC2031
#
# deps - .ci/deps on machines that are not this one: where apt is missing, where
# everything is there, and where backports must be added to sources lists of
# either format (an archive of ours, in a folder, plays the mirror).

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "when everything is there, installing says nothing and asks no network" {
	if [ ! -x "$(command -v apt-get)" ]; then
		skip "this machine has no apt"
	fi
	run .ci/deps install build demo check
	echo "$output"
	[ "$status" = 0 ]
	[ -z "$output" ]
}

@test "elsewhere, what is missing is said by package name" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	for program in bash dirname cp cat sed sort head uname id gcc make; do
		ln -s "$(command -v $program)" "$BATS_TEST_TMPDIR/bin/"
	done
	# neither apt nor anything else beside these: but not the folders of sbin
	run env PATH="$BATS_TEST_TMPDIR/bin" bash -c '
		sed "s,^PATH=.*,," .ci/deps >"$1/deps"; cp .ci/apt.sh "$1"; bash "$1/deps" show' - "$BATS_TEST_TMPDIR"
	echo "$output"
	[ "$status" = 1 ]
	[[ $output == *"libpmem2-dev "*"pkg-config module libpmem2"* ]]
	[[ $output == *"qemu-system-x86 "*"qemu-system-x86_64 8.1 or newer"* ]]
	[[ $output != *"  gcc "* ]]
	[[ $output != *"as root"* ]]
}

# archive: an empty release of Debian bookworm in a folder, and an apt that
# knows nothing but it
archive() {
	mirror=$BATS_TEST_TMPDIR/mirror
	apt=$BATS_TEST_TMPDIR/apt
	mkdir -p "$mirror/dists/bookworm/main/binary-amd64" "$apt"/{parts,lists/partial,cache/archives/partial}
	index=$mirror/dists/bookworm/main/binary-amd64/Packages
	printf 'Package: nothing\nVersion: 1\nArchitecture: amd64\nFilename: nothing.deb\n' >"$index"
	cat >"$mirror/dists/bookworm/Release" <<-EOF
	Origin: Debian
	Suite: oldstable
	Codename: bookworm
	Date: $(date -uR)
	Components: main
	Architectures: amd64
	SHA256:
	 $(sha256sum <"$index" | cut -d' ' -f1) $(stat -c %s "$index") main/binary-amd64/Packages
	EOF
	cat >"$apt/conf" <<-EOF
	Dir::Etc::sourcelist "$apt/sources.list";
	Dir::Etc::sourceparts "$apt/parts/";
	Dir::State::lists "$apt/lists/";
	Dir::Cache "$apt/cache/";
	APT::Architecture "amd64";
	APT::Architectures { "amd64"; };
	APT::Sandbox::User "root";
	EOF
	export APT_CONFIG=$apt/conf
	touch "$apt/sources.list"
}

# added: what .ci/apt.sh adds after looking at these sources
added() {
	apt-get -qq update
	bash -c 'set -eu; . .ci/apt.sh; apt_backports_add'
	cat "$apt/parts/nvmpool-backports.sources"
}

@test "backports come from the system's own mirror: one-line format" {
	[ -x "$(command -v apt-get)" ] || skip "this machine has no apt"
	archive
	echo "deb [trusted=yes] file:$mirror bookworm main" >"$apt/sources.list"
	run added
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"URIs: file:$mirror/"*"Suites: bookworm-backports"*"Components: main"* ]]
	[[ $output != *Signed-By* ]]
}

@test "backports come from the system's own mirror, with its key: deb822 format" {
	[ -x "$(command -v apt-get)" ] || skip "this machine has no apt"
	archive
	cat >"$apt/parts/debian.sources" <<-EOF
	Types: deb
	URIs: file:$mirror
	Suites: bookworm
	Components: main
	Trusted: yes
	Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	EOF
	run added
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"URIs: file:$mirror/"*"Suites: bookworm-backports"* ]]
	[[ $output == *"Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg"* ]]
}

@test "a system without a mirror of bookworm is told so, and nothing is written" {
	[ -x "$(command -v apt-get)" ] || skip "this machine has no apt"
	archive
	run added
	echo "$output"
	[ "$status" != 0 ]
	[[ $output == *"no mirror of Debian bookworm"* ]]
	[ ! -e "$apt/parts/nvmpool-backports.sources" ]
}
