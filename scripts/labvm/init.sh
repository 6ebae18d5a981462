#!/bin/busybox sh
# The machine's first process: loads what the ports and the disk need, says READY, and runs one job when told to.
# A machine is saved while it waits for GO, so all that differs between jobs comes after that line.
export PATH=/bin:/usr/bin:/sbin:/usr/sbin HOME=/root
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /job
mount -t devpts devpts /dev/pts
for at in /tmp /dev/shm /job; do mount -t tmpfs tmpfs $at; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
echo 1 > /proc/sys/kernel/printk
for word in $(cat /proc/cmdline); do case $word in lab.name=*) hostname "lab-${word#lab.name=}";; esac; done
ip link set lo up 2>/dev/null

while read -r module; do insmod "/lib/modules/$module" || echo "insmod $module: $?"; done < /lib/modules/order
port() { for p in /sys/class/virtio-ports/*; do [ "$(cat "$p/name" 2>/dev/null)" = "$1" ] && echo "/dev/${p##*/}"; done; }
tries=0
while [ -z "$(port ctl)" ] || [ -z "$(port out)" ] || [ -z "$(port err)" ] || [ -z "$(port get)" ]; do
  usleep 20000
  tries=$((tries + 1))
  [ $tries -gt 500 ] && { echo "the ports of the lab did not appear"; poweroff -f; }
done
# Disks are named in the order of qemu's command line, so the job's is known by its serial number.
for disk in /sys/block/vd*; do [ "$(cat "$disk/serial")" = job ] && job=/dev/${disk##*/}; done

exec 3<>"$(port ctl)"
echo "READY" >&3
read -r go epoch mib <&3
[ "$go" = GO ] || poweroff -f
# A saved machine's clock stands where it was saved.
date -s "@$epoch" >/dev/null
blockdev --flushbufs "$job"
# BusyBox reads a tar to the end of its file, so it is given no more of the disk than is used.
dd if="$job" bs=1M count="$mib" 2>/dev/null | tar xf - -C / || echo "tar: $?"
cd /job || poweroff -f
setsid sh /job/run </dev/null >"$(port out)" 2>"$(port err)" &
pid=$!
# When its time is up the job is asked to end, so that what it has made by then still comes out.
{ read -r stop <&3; kill -TERM "-$pid"; sleep 10; kill -KILL "-$pid"; } &
wait $pid
code=$?
set --
while read -r path; do
  if [ -e "/$path" ]; then set -- "$@" "$path"; else echo "MISSING $path" >&3; fi
done < /job/.get
[ $# -gt 0 ] && tar cf "$(port get)" -C / "$@"
echo "RC $code" >&3
sleep 1000000
