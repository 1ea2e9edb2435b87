#!/bin/busybox sh
# First process of a guest in qemu: reaches the host's files and hands over to init.sh there.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
# Named so that each comes after those it needs.
for module in /modules/*; do
    insmod "$module"
done
mount -t tmpfs memory /mnt
mkdir /mnt/host
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /mnt/host
control=$(sed 's/.*guest\.control=\([^ ]*\).*/\1/' /proc/cmdline)
umount /proc
exec /bin/busybox sh "/mnt/host$control/init.sh"
