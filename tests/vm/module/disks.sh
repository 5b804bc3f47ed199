# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# disks.sh - sourced by the tests of the kernel module, after guest.sh: images
# on the host, the devices that make a guest see them, and what all guests'
# scripts here begin with.
#
#	module_prepare PROGRAM...	guest_prepare, and the module for that kernel
#	dimm NAME FILE ADDRESS [OFFSET SIZE]	an NVDIMM: adds to the array $devices
#	virtio NAME FILE ADDRESS [OFFSET SIZE]	a virtio-pmem
#	golden NAME FILE SIZE		tests/images/NAME.hex as an image
#	sum_of COMMAND...		sha256 of what it prints

# module_prepare PROGRAM...: sets GUEST_MODULE.  NVMVD_MODULE says of another
# build, for the guests' kernel.
module_prepare() {
	export GUEST_MODULES="libnvdimm xfs"
	guest_prepare "$@" || return 1
	GUEST_MODULE=${NVMVD_MODULE:-$GUEST_BUILD/kmod/$GUEST_RELEASE/nvmvd.ko}
	[ -e "$GUEST_MODULE" ] || {
		echo "no module for the guests' kernel: $GUEST_MODULE"
		return 1
	}
}

backend() {
	local size=${4:-$(stat -c %s "$2")}

	devices+=(-object "memory-backend-file,id=m-$1,mem-path=$2,offset=${3:-0},size=$size,share=on,align=2M")
}

dimm() {
	backend "$1" "$2" "${4:-}" "${5:-}"
	devices+=(-device "nvdimm,memdev=m-$1,id=n-$1,addr=$3")
}

virtio() {
	backend "$1" "$2" "${4:-}" "${5:-}"
	devices+=(-device "virtio-pmem-pci,memdev=m-$1,id=n-$1,memaddr=$3")
}

golden() {
	rm -f "$2"
	truncate -s "$3" "$2"
	perl -e '
		open my $out, "+<", $ARGV[1] or die "$ARGV[1]: $!";
		open my $in, "<", $ARGV[0] or die "$ARGV[0]: $!";
		while (<$in>) {
			next unless /^([0-9a-f]{8}) +([0-9a-f]+)(?: x(\d+))?/;
			seek $out, hex $1, 0;
			print $out pack("H*", $2) x ($3 // 1);
		}
		close $out or die "$ARGV[1]: $!"' "$GUEST_HOME/tests/images/$1.hex" "$2"
}

sum_of() {
	"$@" | sha256sum | cut -d' ' -f1
}

# What stands at the head of every script that uses the module.
guest_functions() {
	cat <<-'EOF'
	# disk UUID: /dev/nvmvdN of it; waits for that
	disk() {
		tries=100
		while [ $tries -gt 0 ]; do
			file=$(grep -ls "^$1\$" /sys/block/nvmvd*/nvmvd/uuid)
			if [ -n "$file" ]; then
				file=${file#/sys/block/}
				echo "/dev/${file%%/*}"
				return 0
			fi
			tries=$((tries - 1))
			sleep 0.1
		done
		echo "/dev/no-disk-$1"
		return 1
	}
	# attr DISK NAME
	attr() {
		cat "/sys/block/${1#/dev/}/nvmvd/$2"
	}
	# tell attach|detach WORDS...: to the driver; says what it answered
	tell() {
		what=$1
		shift
		echo "$*" >"/sys/bus/nd/drivers/nvmvd/$what"
	}
	# says WORDS COMMAND...: it fails, in one line that has these words
	says() {
		words=$1
		shift
		if "$@" >/tmp/said 2>&1; then
			echo "it did not fail: $*"
			return 1
		fi
		cat /tmp/said
		[ "$(wc -l </tmp/said)" = 1 ] && grep -q "$words" /tmp/said
	}
	all() { # each line of standard input is a command; all must succeed
		while read -r line; do
			eval "$line" || { echo "failed: $line"; return 1; }
		done
	}
	sum() {
		sha256sum | cut -d' ' -f1
	}
	sum_is() { # SUM DEVICE SKIP COUNT: in KiB
		got=$(dd if="$2" bs=1k skip="$3" count="$4" 2>/dev/null | sum)
		[ "$got" = "$1" ] || { echo "$2 has $got"; return 1; }
	}
	quiet() { # nothing in the kernel's log that must not be there
		dmesg >/tmp/log
		grep -qE 'BUG:|WARNING:|Oops|ODEBUG|possible .* lock|inconsistent lock|Call Trace' /tmp/log ||
			return 0
		grep -E -B 3 -A 50 'BUG:|WARNING:|Oops|ODEBUG|possible .* lock|inconsistent lock' /tmp/log |
			head -n 200
		return 1
	}
	EOF
}
