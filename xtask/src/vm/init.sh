#!/bin/busybox sh
# Process 1 of the guest, for both kernels. `qemu` starts it from its initial ramdisk, with the
# host's files at /mnt/host; `uml` has the host's files as its root and starts it there.
#
# It stacks a root of its own: the host's files to read, the guest's memory to write.

bb=/bin/busybox
give_up() { echo "guest: $*"; $bb poweroff -f; }

$bb mount -t proc proc /proc
control=$($bb sed 's/.*guest\.control=\([^ ]*\).*/\1/' /proc/cmdline)
if $bb grep -q guest.kernel=uml /proc/cmdline; then
    $bb mount -t tmpfs memory /mnt
    $bb mkdir /mnt/host
    $bb mount --bind / /mnt/host
fi
. "/mnt/host$control/settings" || give_up "no settings in $control"
modules=/mnt/host$directory/lib/modules/$version
# Built into neither kernel; the initial ramdisk has loaded it already.
$bb insmod "$modules/kernel/fs/overlayfs/overlay.ko" 2>/dev/null

cd /mnt || give_up "no /mnt"
$bb mkdir written work root
$bb mount -t overlay -o lowerdir=host,upperdir=written,workdir=work overlay root ||
    give_up "the kernel refuses an overlay over the host's files"
cd root || give_up "no root"
$bb mkdir -p proc sys dev run
$bb mount -t proc proc proc
$bb mount -t sysfs sysfs sys
$bb mount -t devtmpfs dev dev || $bb mount --bind /dev dev
$bb mkdir -p dev/pts dev/shm
$bb mount -t devpts devpts dev/pts
$bb mount -t tmpfs shm dev/shm
$bb mount -t tmpfs run run
$bb mount -t bpf bpf sys/fs/bpf
for link in fd= stdin=/0 stdout=/1 stderr=/2; do
    $bb ln -sf "/proc/self/fd${link#*=}" "dev/${link%%=*}"
done

# /lib is a link on most hosts.
lib=.$($bb readlink lib 2>/dev/null | $bb sed 's,^/*,/,')
[ "$lib" != . ] || lib=lib
$bb mkdir -p "$lib/modules/$version"
$bb mount --bind "$modules" "$lib/modules/$version" || give_up "cannot show the modules"
$bb mkdir run/guest
$bb cp "/mnt/host$control/command" "/mnt/host$control/session.sh" run/guest/

$bb mount --move . /
exec $bb chroot . $bb sh /run/guest/session.sh
