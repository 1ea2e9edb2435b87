#!/bin/busybox sh
# The guest's process 1 after init.sh, in the final root: runs the command with its output on two
# channels to the host, says on a third how it ended, and switches off.

bb=/bin/busybox
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
$bb hostname guest
$bb ip link set lo up

if [ -c /dev/vport0p1 ] || ls /dev/vport*p1 >/dev/null 2>&1; then
    output=$(ls /dev/vport*p1) errors=$(ls /dev/vport*p2) status=$(ls /dev/vport*p3)
else
    output=/dev/tty1 errors=/dev/tty2 status=/dev/tty3
    for terminal in $output $errors $status; do
        $bb stty -F $terminal raw -echo
    done
fi

# Pipes in between: the command sees no terminal, and its end is the end of the pipes.
$bb mkfifo /run/guest/output /run/guest/errors
$bb cat /run/guest/output >"$output" &
first=$!
$bb cat /run/guest/errors >"$errors" &
second=$!
(
    exec </dev/null >/run/guest/output 2>/run/guest/errors
    exec $bb setsid /bin/sh /run/guest/command
)
code=$?

# Daemons that the command has left behind hold the pipes open. Twice: the first round may have
# missed a child that was just being born.
for round in 1 2; do
    for process in /proc/[0-9]*; do
        case ${process#/proc/} in
        1 | $first | $second) ;;
        *) kill -9 "${process#/proc/}" 2>/dev/null ;;
        esac
    done
done
wait $first $second
echo "$code" >"$status"
$bb sync
$bb poweroff -f
