#!/bin/sh
# Runs a command in a container as a GitLab docker-executor job gets it: runc, Docker's 14 capabilities and its default
# seccomp profile, no new privileges but what the engine gives. The root file system is an overlay of this machine's, so that
# every program that is installed here is there; what the container writes is gone afterwards.
#
#   enter.sh [podman run options --] COMMAND [ARGUMENT…]
#
# Everything, mounts included, happens in a network and a mount namespace of its own: nothing can leave the machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${TIDEWAITER_INSIDE:-}" != 1 ]; then
    TIDEWAITER_INSIDE=1 exec unshare -n -m --propagation private "$0" "$@"
fi
ip link set lo up
scratch=$(mktemp -d)
mount -t tmpfs -o mode=755 tidewaiter "$scratch"
trap 'umount -l "$scratch"; rmdir "$scratch"' EXIT
mkdir "$scratch/upper" "$scratch/work" "$scratch/rootfs" "$scratch/store"
mount -t overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" tidewaiter "$scratch/rootfs"
options=""
case " $* " in *" -- "*)
    while [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    shift
    ;;
esac
export CONTAINERS_CONF="$here/containers.conf"
# shellcheck disable=SC2086 # the options are words
podman --log-level=error --root "$scratch/store/root" --runroot "$scratch/store/run" --tmpdir "$scratch/store/tmp" \
    run --rm --quiet --network=host --security-opt "seccomp=$here/docker-like-seccomp.json" \
    --env "TIDEWAITER_INSIDE=$TIDEWAITER_INSIDE" $options --rootfs "$scratch/rootfs" "$@"
