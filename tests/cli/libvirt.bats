#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2030,SC2031,SC2154
#
# `--for libvirt`: domains that libvirt takes, validates and starts.

load common

setup() {
	cli_setup
	nvmpool format pool.img --size 640M >/dev/null
}

teardown() { cli_teardown; }

@test "the domain passes libvirt's schema, whatever is in it" {
	works nvmpool assign vm1 64M --for libvirt
	echo "$output" >one.xml
	virt-xml-validate one.xml domain
	works nvmpool assign vm1 64M --name log --device nvdimm --grow-to 256M --for libvirt \
		--ram 4G --machine pc
	echo "$output" >two.xml
	virt-xml-validate two.xml domain
	grep -q '<qemu:arg value="nvdimm=on"/>' two.xml
	grep -q '<qemu:arg value="4G,slots=4,maxmem=' two.xml
	mkdir 'a<b>&"c'
	nvmpool format 'a<b>&"c/pool.img' --size 256M >/dev/null
	works nvmpool assign --pool 'a<b>&"c/pool.img' vm1 64M --for libvirt
	echo "$output" >three.xml
	virt-xml-validate three.xml domain
}

@test "the domain is a whole one: name, RAM and machine are libvirt's own" {
	works nvmpool assign web.1 64M --ram 512M --for libvirt
	[[ $output == *"<name>web.1</name>"* ]]
	[[ $output == *'<memory unit="KiB">524288</memory>'* ]]
	[[ $output == *'<type arch="x86_64" machine="q35">hvm</type>'* ]]
	works nvmpool args web.1 --ram 512M --for libvirt -j
	json '.data.for == "libvirt" and (.data.text | startswith("<domain ")) and
		(.data | has("words") | not)'
}

# As an ordinary user: virt-qemu-run as root wants a user that only libvirt's
# daemon package makes.
run_domain() {
	HOME=$PWD XDG_RUNTIME_DIR=$PWD/run exec timeout 60 setpriv --reuid=65534 --regid=65534 \
		--clear-groups virt-qemu-run --verbose --root "$PWD/root" "$1"
}

libvirt_qemu() { pgrep -u nobody -f "guest=$1,"; }

starts_with() {
	works nvmpool assign "$@" --for libvirt
	echo "${output/'<domain type="kvm"'/'<domain type="qemu"'}" >"$1.xml"
	grep -q '^<domain type="qemu"' "$1.xml"
	chown nobody "$1.xml" pool.img
	in_background run_domain "$1.xml" >"$1.log" 2>&1
	until_true grep -q 'guest running' "$1.log" || { cat "$1.log"; return 1; }
	pid=$(libvirt_qemu "$1")
	grep -q "$PWD/pool.img" "/proc/$pid/maps"
	kill "${background[-1]}"	# ends the guest too
	wait "${background[-1]}" || true
	until_true not_there "/proc/$pid"
}

not_there() { [ ! -e "$1" ]; }

@test "libvirt starts the domain, and QEMU maps the child" {
	need_root
	chmod -R a+rx "$BATS_RUN_TMPDIR"
	mkdir -p root/etc run
	echo 'stdio_handler = "file"' >root/etc/qemu.conf	# needs no virtlogd
	chown nobody . root run
	starts_with "a$$" 64M --grow-to 256M
	starts_with "b$$" 64M --device nvdimm --machine pc
}
