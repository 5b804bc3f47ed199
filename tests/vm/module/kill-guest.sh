# shellcheck shell=dash
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154,SC2016,SC2034
#
# kill-guest.sh - the guest's side of kill-sqlite, which puts before it the
# disks' uuids.  The module comes first and the memory after it, as at boot.
word() {
	sed -n "s/.*nvm\.$1=\([a-z0-9]*\).*/\1/p" /proc/cmdline
}
load libnvdimm
insmod /nvmvd.ko
load nfit nd_pmem virtio_pci virtio_pmem crc32c_generic ext4 xfs
d_ext4=$(disk "$uuid_ext4") d_xfs=$(disk "$uuid_xfs") d_units=$(disk "$uuid_units")
# as many bytes as one write may be without being torn
unit=$(cat "/sys/block/${d_units#/dev/}/queue/atomic_write_unit_max_bytes" 2>/dev/null) ||
	unit=4096

value="printf('%.*c', 100 + n * 7919 % 6000, char(97 + n % 26))"
kept=64
schema="CREATE TABLE t (n INTEGER PRIMARY KEY, v TEXT);
	CREATE TABLE m (last INTEGER, total INTEGER); INSERT INTO m VALUES (0, 0);"
first() {
	case $1 in
	ext4)	mkfs.ext4 -q -b 4096 "$2" && mount -t ext4 "$2" "/mnt/$1" &&
			sqlite3 "/mnt/$1/db" "PRAGMA journal_mode=WAL; $schema" ;;
	xfs)	mkfs.xfs -q --unsupported "$2" && mount -t xfs "$2" "/mnt/$1" &&
			sqlite3 "/mnt/$1/db" "$schema" ;;
	esac
}
intact() { # FS: the database is, and its last transaction is all there
	got=$(sqlite3 "/mnt/$1/db" "PRAGMA integrity_check;
		SELECT count(*) FROM t WHERE v <> $value;
		SELECT coalesce(max(n), 0) = (SELECT last FROM m),
			count(*) = min((SELECT last FROM m), $kept),
			(SELECT last * (last + 1) / 2 = total FROM m) FROM t;") || return
	echo "$got" | head -n 20
	[ "$(echo $got)" = "ok 0 1|1|1" ]
}
fsck() {
	case $1 in
	ext4)	e2fsck -fn "$2" ;;
	xfs)	xfs_repair -n "$2" ;;
	esac
}
transactions() { # FS FROM: for ever, acknowledged on the console
	n=$2
	# a rollback journal's end is durable only by EXTRA, which syncs its folder
	echo "PRAGMA synchronous=EXTRA;"
	while :; do
		n=$((n + 1))
		echo "BEGIN; INSERT INTO t SELECT n, $value FROM (SELECT $n AS n);"
		echo "DELETE FROM t WHERE n <= $n - $kept;"
		echo "UPDATE m SET last = $n, total = total + $n; COMMIT;"
		echo "SELECT 'guest: ack $1 $n';"
	done
}

for fs in ext4 xfs; do
	eval "device=\$d_$fs"
	mkdir -p "/mnt/$fs"
	if [ "$(attr "$device" mapped_count)" = 0 ]; then
		check "$fs: made" first $fs "$device"
	else
		check "$fs: mounted" mount -t $fs "$device" /mnt/$fs
	fi
	check "$fs: intact" intact $fs
	say "found $fs $(sqlite3 /mnt/$fs/db 'SELECT last FROM m')"
	umount /mnt/$fs
	check "$fs: fsck" fsck $fs "$device"
	mount -t $fs "$device" /mnt/$fs
done
check "no unit is torn" churn whole "$d_units" 64 "$unit"
check "the kernel is quiet" quiet
how=$(word die)
if [ "$how" != no ]; then
	say loading
	churn units "$d_units" 64 "$unit" &
	for fs in ext4 xfs; do
		transactions $fs "$(sqlite3 /mnt/$fs/db 'SELECT last FROM m')" |
			sqlite3 /mnt/$fs/db >/dev/console 2>&1 &
	done
	[ "$how" = kill ] || { usleep 300000; usleep "$(word after)"; echo "$how" >/proc/sysrq-trigger; }
	sleep 1000
fi
for fs in ext4 xfs; do
	umount /mnt/$fs
done
