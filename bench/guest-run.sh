# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154
#
# guest-run.sh - the guest's side of bench/guest, which puts before it the disk's
# uuid, rounds, runtime (seconds) and size (MiB that are used of each device).
load nfit nd_pmem nd_btt virtio_pci virtio_blk crc32c_generic ext4
insmod /nvmvd.ko

# pmem_at ADDRESS: the namespace of the NVDIMM there, as a number
region_at() {
	grep -l "^$1\$" /sys/bus/nd/devices/region*/resource | sed 's/[^0-9]//g'
}
pmem=$(region_at 0x100000000) btt=$(region_at 0x120000000) dax=$(region_at 0x140000000)
check "a BTT" ndctl create-namespace -f -e "namespace$btt.0" -m sector -l 4096
check "an fsdax" ndctl create-namespace -f -e "namespace$dax.0" -m fsdax -M mem
await "/dev/pmem$pmem" "/dev/pmem${btt}s" "/dev/pmem$dax" /dev/vda
mkfs.ext4 -q -b 4096 "/dev/pmem$dax" && mount -t ext4 -o dax "/dev/pmem$dax" /mnt
check "DAX" grep -q '/mnt .*dax' /proc/mounts
check "our disk" disk "$uuid"

# "NAME FILE" of each device
{
	for disk in /dev/vda /dev/vdb; do
		[ -b $disk ] || continue
		case $(cat /sys/block/${disk#/dev/}/serial) in
		blk)	echo "virtio-blk $disk" ;;
		*)	echo "vhost-user-blk $disk" ;;
		esac
	done
	echo "pmem /dev/pmem$pmem"
	echo "btt /dev/pmem${btt}s"
	echo "ext4-dax /mnt/file"
	echo "nvmvd $(disk "$uuid")"
} >/tmp/devices

# Every block is written once before anything is measured.
while read -r name file; do
	check "$name is filled" fio --name=fill "--filename=$file" --rw=write --bs=64k \
		"--size=${size}m" --direct=1 --end_fsync=1 --output=/dev/null
done </tmp/devices
say "checksum by $(attr "$(disk "$uuid")" checksum)"

# One fio for a contest: the devices one after another, each with a section.
round=1
while [ $round -le "$rounds" ]; do
	while read -r engine depth jobs bs pattern; do
		{
			printf '[global]\ndirect=1\nsize=%sm\nruntime=%s\ntime_based\n' "$size" "$runtime"
			printf 'ramp_time=0.1\nnorandommap\nrandrepeat=0\ngroup_reporting\nstonewall\n'
			printf 'ioengine=%s\niodepth=%s\nnumjobs=%s\nbs=%s\nrw=%s\n' \
				"$engine" "$depth" "$jobs" "$bs" "$pattern"
			while read -r name file; do
				printf '[%s]\nnew_group\nfilename=%s\n' "$name" "$file"
			done </tmp/devices
		} >/tmp/contest
		fio --output-format=terse --terse-version=3 /tmp/contest >/tmp/terse 2>/tmp/errors ||
			check "$engine $jobs $bs $pattern" cat /tmp/errors false
		awk -F';' -v what="$round $engine $depth $jobs $bs $pattern" \
			'$1 == 3 { print "guest: figure " what " " $3 " " ($8 > 0 ? $8 : $49) }' /tmp/terse
	done </patterns
	round=$((round + 1))
done
umount /mnt
