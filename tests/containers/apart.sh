#!/bin/sh
# Runs a command in a network, a mount and a process namespace of its own: nothing can leave the machine, for there is no
# device but loopback; what is mounted is gone afterwards; and when the command ends, whatever it started has ended too.
set -eu
# Podman keeps its locks in /dev/shm, where they would be shared with every other podman here.
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
    sh -c 'ip link set lo up; mount -t tmpfs -o mode=1777 tidewaiter /dev/shm; exec "$@"' sh "$@"
