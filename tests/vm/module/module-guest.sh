# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154,SC2016,SC2034
#
# module-guest.sh - the guest's side of module.bats, which puts before it what
# the disks are: $raw ... are their uuids, $sum_raw ... the sums of 1 MiB.
#
# The golden images come first, one by one: they have one uuid, all of them.
driver=/sys/bus/nd/drivers/nvmvd
load nfit nd_pmem virtio_pci virtio_pmem device_dax dax_pmem crc32c_generic ext4
check "tool: not loaded, it says how to" says "modprobe nvmvd" nvmvd list
check "the module loads" insmod /nvmvd.ko autoattach=0

# pmem_at ADDRESS: what the memory there is called
pmem_at() {
	region=$(grep -l "^$1\$" /sys/bus/nd/devices/region*/resource | sed 's/[^0-9]//g')
	await "/dev/pmem$region" && echo "/dev/pmem$region"
}
# golden NAME ADDRESS...
golden() {
	name=$1
	shift
	eval "uuid=\$$name sum=\$sum_$name"
	places=
	for address; do
		places="$places $(pmem_at "$address")"
	done
	check "$name: is attached by its devices' names" tell attach "$places"
	golden=$(disk "$uuid")
	check "$name: reads as in user space" \
		eval "[ \$(dd if=$golden bs=4k conv=noerror,sync 2>/dev/null | sum) = $sum ]"
	say "golden $name $(attr "$golden" recovered)"
	check "$name: is detached" tell detach "$golden"
}
raw_pmem=$(pmem_at 0x100000000)
golden clean 0x130000000
golden dirty 0x134000000
golden ext 0x13c000000 0x138000000
check "unloaded with nothing attached" rmmod nvmvd
insmod /nvmvd.ko

# at DISK EXTENT: its address
at() {
	attr "$1" extents | sed -n "$(($2 + 1))p" | cut -d' ' -f3
}

for name in raw two dev fs virt; do
	eval "uuid=\$$name sum=\$sum_$name"
	check "$name: is there by itself" disk "$uuid"
	dev_name=$(disk "$uuid")
	eval "d_$name=$dev_name"
	check "$name: what the host wrote" sum_is "$sum" "$dev_name" 0 1024
done
# The golden images are copies of one another, as far as their uuid goes.
check "copies: none is attached by itself" eval '! grep -q "^$clean" /sys/block/nvmvd*/nvmvd/uuid'
check "copies: not by uuid" says "more than once" nvmvd attach "$clean"
check "raw: its label" [ "$(attr "$d_raw" label)" = "the raw one" ]
check "two: the second extent is at the lower address" \
	eval '[ $(($(at $d_two 1))) -lt $(($(at $d_two 0))) ]'
check "dev: the second extent is at the lower address" \
	eval '[ $(($(at $d_dev 1))) -lt $(($(at $d_dev 0))) ]'
check "raw: durable at once" [ "$(attr "$d_raw" durability)" = bus ]
check "virt: durable at a flush" [ "$(attr "$d_virt" durability)" = sync ]
check "fs: durable at a flush" [ "$(attr "$d_fs" durability)" = sync ]

# ---- requests
queue() {
	cat "/sys/block/${1#/dev/}/queue/$2"
}
check "limits" all <<-'X'
	[ $(queue $d_raw logical_block_size) = 512 ]
	[ $(queue $d_raw physical_block_size) = 4096 ]
	[ $(queue $d_raw rotational) = 0 ]
	[ $(queue $d_raw discard_granularity) = 4096 ]
	[ $(queue $d_raw discard_max_bytes) -gt 0 ]
	[ $(queue $d_raw write_zeroes_max_bytes) -gt 0 ]
	[ "$(queue $d_raw write_cache)" = "write through" ]
	[ "$(queue $d_virt write_cache)" = "write back" ]
X
case $(uname -r) in
6.[0-9].*) check "atomic writes where the kernel knows them" \
		[ ! -e "/sys/block/${d_raw#/dev/}/queue/atomic_write_max_bytes" ] ;;
*)	check "atomic writes where the kernel knows them" all <<-'X' ;;
	[ $(queue $d_raw atomic_write_max_bytes) = 262144 ]
	[ $(queue $d_raw atomic_write_unit_min_bytes) = 4096 ]
	[ $(queue $d_raw atomic_write_unit_max_bytes) = 262144 ]
	X
esac
# verified NAME DISK OPTION...: fio in quiet, with its words if it fails
verified() {
	name=$1 on=$2
	shift 2
	check "fio on $name" fio --name=verify --filename="$on" --output=/tmp/fio --direct=1 \
		--verify=crc32c --verify_fatal=1 --verify_dump=0 --do_verify=1 --rw=randwrite \
		--bsrange=512-64k --blockalign=512 --randseed=7 --loops="$long" "$@"
	grep -E 'error|verify' /tmp/fio | head -n 5
}
for on in raw virt; do
	verified "$on: any sizes, synced, trims" "$(eval echo "\$d_$on")" --offset=24m --size=12m \
		--fsync=16 --sync=dsync --trim_percentage=20 --trim_verify_zero=1 --trim_backlog=32
done
verified "dev: two jobs, libaio" "$d_dev" --offset=24m --size=8m --numjobs=2 \
	--offset_increment=16m --ioengine=libaio --iodepth=8
verified "dev: io_uring" "$d_dev" --offset=60m --size=8m --ioengine=io_uring --iodepth=8
check "a buffer that changes while it is written" churn race "$d_two" $((3 * long))
check "trimmed and zeroed bytes are zeros" all <<-'X'
	head -c 1048576 /dev/urandom | dd of=$d_raw bs=64k seek=256 conv=notrunc,fsync 2>/dev/null
	blkdiscard -o 16777216 -l 262144 $d_raw
	/bin/blkdiscard -z -o 17039360 -l 262144 $d_raw
	[ $(dd if=$d_raw bs=1k skip=16384 count=512 2>/dev/null | tr -d '\0' | wc -c) = 0 ]
X
check "statistics" eval '
	before=$(awk "{ print \$5 }" /sys/block/${d_two#/dev/}/stat)
	dd if=/dev/zero of=$d_two bs=4k seek=1000 count=100 oflag=direct conv=notrunc 2>/dev/null
	[ $(($(awk "{ print \$5 }" /sys/block/${d_two#/dev/}/stat) - before)) = 100 ]'
check "1,000 opens and closes" eval '
	n=0
	while [ $n -lt $((500 * long)) ]; do
		: <$d_raw || exit 1
		: <>$d_two || exit 1
		n=$((n + 1))
	done
	[ $(cat /sys/module/nvmvd/refcnt) = 0 ]'
for name in raw two dev fs virt; do
	head -c 1048576 /dev/urandom >/tmp/data
	wrote=$(sum </tmp/data)
	eval "wrote_$name=$wrote"
	say "wrote $name $wrote"
	dd if=/tmp/data "of=$(eval echo "\$d_$name")" bs=1M seek=8 conv=notrunc,fsync 2>/dev/null
done

# ---- under load
fio --name=load --filename="$d_raw" --rw=randwrite --bs=4k --offset=36m --size=8m --direct=1 \
	--time_based --runtime=1000 --output=/tmp/load >/dev/null 2>&1 &
load=$!
n=0
until [ "$(cat /sys/module/nvmvd/refcnt)" != 0 ] || [ $n = 100 ]; do
	n=$((n + 1))
	sleep 0.1
done
check "no unloading under load" says 'unavailable\|busy' rmmod nvmvd
check "no detaching under load" says 'busy' tell detach "$d_raw"
kill -INT $load
check "the load went on" eval "wait $load; grep -q 'err= 0' /tmp/load || { cat /tmp/load; false; }"

# ---- torn away, as by ndctl disable-region
region=$(readlink -f "/sys/bus/nd/devices/$(attr "$d_two" extents | head -n 1 | cut -d' ' -f1)")
region=${region%/*} region=${region##*/}
regions=/sys/bus/nd/drivers/nd_region
fio --name=load --filename="$d_two" --rw=randwrite --bs=4k --offset=36m --size=8m --direct=1 \
	--time_based --runtime=1000 --output=/tmp/load >/dev/null 2>&1 &
load=$!
n=0
until grep -q '[1-9]' "/sys/block/${d_two#/dev/}/inflight" || [ $n = 100 ]; do
	n=$((n + 1))
	sleep 0.1
done
check "its memory is taken away under load" eval "echo $region >$regions/unbind; ! wait $load"
check "the disk goes with its memory" eval "! grep -q '^$two' /sys/block/nvmvd*/nvmvd/uuid"
echo "$region" >$regions/bind
check "the disk comes with its memory" disk "$two"
d_two=$(disk "$two")
check "the disk comes with what it had" sum_is "$wrote_two" "$d_two" 8192 1024

# ---- who has it
# other DISK EXTENT: what it is called while it is nobody's
other() {
	attr "$1" extents | sed -n "$(($2 + 1))p" | cut -d' ' -f2
}
half=$(other "$d_two" 0) pmem=$raw_pmem dax=/dev/$(other "$d_dev" 0) dax1=/dev/$(other "$d_dev" 1)
check "no /dev/pmemN while it is attached" eval \
	'says "part of .$d_raw" nvmvd info "$pmem"; fails 6 nvmvd write "$pmem" 0 </dev/null'
check "no /dev/daxN.M while it is attached" eval \
	'says "part of .$d_dev" nvmvd info "$dax" -e "$dax1"; fails 6 nvmvd info "$dax" -e "$dax1"'
check "tool: lists all of them" eval \
	'[ $(nvmvd list | grep -c ^/dev/nvmvd) = $(ls -d /sys/block/nvmvd* | wc -l) ]'
check "tool: tells what the kernel tells" eval 'nvmvd info $d_raw | grep -q "$raw" &&
	nvmvd info $d_raw | grep -q "the raw one" && nvmwear show $d_raw && nvmwear map $d_raw'
check "tool: changes the policy" eval 'nvmwear policy $d_raw mbsa --threshold 77 &&
	[ "$(attr $d_raw policy) $(attr $d_raw threshold)" = "mbsa 77" ]'
check "tool: what is there is not attached again" says "already, as $d_raw" nvmvd attach "$raw"
check "tool: other commands refuse" says "nvmvd detach" nvmvd check "$d_raw"
check "tool: who has it open" eval 'says "open in pid" nvmvd detach $d_raw <$d_raw'
check "tool: detaches and attaches" all <<-'X'
	nvmvd detach $d_raw
	says "no disk" nvmvd detach $d_raw
	[ -b $pmem ]
	nvmvd info $pmem | grep -q mbsa
	says "in use: open in pid" nvmvd attach $pmem <$pmem
	nvmvd detach $two
	says "a part of the disk is missing" nvmvd attach $half
	nvmvd attach $two
	nvmvd attach $pmem
	d_raw=$(disk $raw) d_two=$(disk $two)
	[ -b $d_raw -a -b $d_two ]
X
nd=$(attr "$d_raw" extents | cut -d' ' -f1)
check "no other driver takes it" says busy sh -c "echo $nd >/sys/bus/nd/drivers/nd_pmem/bind"
check "detached, raw is a pmem again" all <<-'X'
	tell detach $d_raw
	[ -b $pmem ]
	[ ! -e $d_raw ]
X
check "detached, nvmvd finds it sound" nvmvd check "$pmem"
check "detached, it stays so" eval 'echo 1 >$driver/scan; sleep 0.5; [ -b $pmem ]'
check "a pmem that is open is not attached" eval 'says busy tell attach $raw <$pmem'
mkfifo /tmp/pipe
# held DEVICE: until nvmvd has mapped it
held() {
	tries=100
	until cat /proc/[0-9]*/maps 2>/dev/null | grep -q "$1" || [ $tries = 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
}
nvmvd write "$pmem" 50331648 </tmp/pipe >/tmp/write 2>&1 &
exec 5>/tmp/pipe
head -c 4096 /dev/urandom >/tmp/data
cat /tmp/data >&5
held "$pmem"
check "a pmem that nvmvd works on is not attached" says busy tell attach "$raw"
exec 5>&-
check "written in user space" eval "wait $! || { cat /tmp/write; false; }"
tell detach "$d_dev"
nvmvd write "$dax" 50331648 -e "$dax1" </tmp/pipe >/tmp/write 2>&1 &
exec 5>/tmp/pipe
cat /tmp/data >&5
held "$dax"
check "a devdax that nvmvd works on is not attached" says busy tell attach "$dev"
exec 5>&-
check "written in user space, on a devdax" eval "wait $! || { cat /tmp/write; false; }"
check "they are attached afterwards" all <<-'X'
	tell attach $raw
	tell attach $dev
	d_raw=$(disk $raw) d_dev=$(disk $dev)
	[ -b $d_raw -a -b $d_dev ]
X
check "read in the kernel" all <<-'X'
	dd if=$d_raw bs=4k skip=12288 count=1 2>/dev/null | cmp - /tmp/data
	dd if=$d_dev bs=4k skip=12288 count=1 2>/dev/null | cmp - /tmp/data
X

# ---- later
check "half a disk is none" eval '! grep -q "^$late" /sys/block/nvmvd*/nvmvd/uuid'
say "plug it in"
check "late: is there by itself" disk "$late"
d_late=$(disk "$late")
check "late: what the host wrote" sum_is "$sum_late" "$d_late" 0 1024
head -c 1048576 /dev/urandom >/tmp/data
say "wrote late $(sum </tmp/data)"
dd if=/tmp/data "of=$d_late" bs=1M seek=8 conv=notrunc,fsync 2>/dev/null

# ---- and again
count=$(ls -d /sys/block/nvmvd* | wc -l)
check "unloaded" rmmod nvmvd
check "all memory is given back" eval '[ $(ls /dev | grep -cE "^(pmem|dax)") = 13 ]'
insmod /nvmvd.ko
for name in raw two dev fs virt late; do
	eval "disk \$$name" >/dev/null
done
check "all disks are there again, closed cleanly" eval '
	[ $(ls -d /sys/block/nvmvd* | wc -l) = $count ] && ! grep 1 /sys/block/nvmvd*/nvmvd/recovered'
tell detach "$(disk "$two")"
check "the kernel is quiet" quiet
