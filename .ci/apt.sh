# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# apt.sh - sourced by the scripts here: how to ask apt, how to have a package's
# files without installing it, and how to add bookworm-backports from the mirror
# that this system uses already.
#
# No host name stands here: the mirror and its key are taken from the entry
# that apt itself names for the release (both formats of sources lists).

apt_here() {
	command -v apt-get >/dev/null && command -v dpkg >/dev/null
}

# apt_newest PACKAGE [at least VERSION [SERIES]]: its newest version (of those
# that begin with SERIES and a dot), "" if there is none
apt_newest() {
	local version newest=

	while read -r version; do
		[[ -z ${3:-} || ${version#*:} == "$3".* ]] || continue
		if [ -z "$newest" ] || dpkg --compare-versions "$version" gt "$newest"; then
			newest=$version
		fi
	done < <(apt-cache madison "$1" 2>/dev/null | awk -F' *[|] *' '{ print $2 }')
	if [ -n "$newest" ] && dpkg --compare-versions "${newest#*:}" ge "${2:-0}"; then
		echo "$newest"
	fi
}

apt_update() {
	apt-get -qq update >&2
}

# Fetch the lists of packages if apt does not know one of these.
apt_lists_needed() {
	local package

	for package; do
		if [ -z "$(apt_newest "$package")" ]; then
			apt_update
			return
		fi
	done
}

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "$@" >&2
}

# apt_unpack DIR PACKAGE[=VERSION]...: their files below DIR, nothing installed
apt_unpack() {
	local dir=$1 deb

	shift
	mkdir -p "$dir/debs"
	(cd "$dir/debs" && apt-get -qq -o APT::Sandbox::User=root download "$@" >&2) || return 1
	for deb in "$dir"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir" || return 1
	done
	rm -rf "$dir/debs"
}

# apt_release_option PACKAGE VERSION: "-t RELEASE" that has it, unless the
# default choice is new enough
apt_release_option() {
	local candidate

	candidate=$(LC_ALL=C apt-cache policy "$1" | awk '/Candidate:/ { print $2 }')
	if ! dpkg --compare-versions "${candidate#*:}" ge "$2"; then
		apt-cache madison "$1" | awk -F' *[|] *' -v v="$(apt_newest "$1" "$2")" \
			'$2 == v { split($3, a, "[ /]"); for (i in a) if (a[i] ~ /-backports$/) { print "-t", a[i]; exit } }'
	fi
}

# apt_backports_needed PACKAGE VERSION: add backports if nothing newer is known
apt_backports_needed() {
	[ -z "$(apt_newest "$1" "$2")" ] || return 0
	# shellcheck disable=SC1091
	if [ "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" != bookworm ]; then
		echo "nvmpool: this release has no $1 of version $2 or newer" >&2
		return 1
	fi
	apt_backports_add
	apt_update
}

# apt_signed_by FILE:NUMBER: the key file that this entry names, if it does.  In
# a .sources file the number counts stanzas; they are the same archive's, so
# the first key of the file is taken.
apt_signed_by() {
	local file=${1%:*} number=${1##*:}

	case $file in
	*.sources) sed -n 's/^[Ss]igned-[Bb]y:[[:space:]]*\(\/.*\)/\1/p' "$file" | head -n 1 ;;
	*)	sed -n "${number}s/.*signed-by=\([^] ]*\).*/\1/p" "$file" ;;
	esac
}

apt_backports_add() {
	local uri entry key target folder=/etc/apt/sources.list.d/

	eval "$(apt-config shell folder Dir::Etc::sourceparts/d)"
	target=${folder}nvmpool-backports.sources
	# shellcheck disable=SC2016 # apt's own placeholders
	read -r uri entry < <(apt-get indextargets 'Identifier: Packages' 'Codename: bookworm' \
		'Origin: Debian' 'Component: main' --format '$(REPO_URI) $(SOURCESENTRY)') || true
	if [ -z "${uri:-}" ]; then
		echo "nvmpool: no mirror of Debian bookworm in apt's sources lists" >&2
		return 1
	fi
	key=$(apt_signed_by "$entry")
	{
		echo "# Added by nvmpool's .ci/deps: QEMU and the guest kernel for its tests."
		echo "Types: deb"
		echo "URIs: $uri"
		echo "Suites: bookworm-backports"
		echo "Components: main"
		[ -z "$key" ] || echo "Signed-By: $key"
	} >"$target.new"
	mv "$target.new" "$target"
	echo "nvmpool: added $target" >&2
}
