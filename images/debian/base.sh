#!/bin/sh
# Makes a base image with git from Debian's own packages and stores it under a local name:
#
#   base.sh NAME
#
# No image registry is asked: mmdebstrap unpacks the packages, as root, from the mirror in TIDEWAITER_DEBIAN_MIRROR or from
# Debian's default one.
set -eu
name=${1:?usage: base.sh NAME}
suite=trixie
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v mmdebstrap >/dev/null 2>&1; then
    {
        echo "image: there is no local image $name, and mmdebstrap is not there to make one. Do one of these:"
        echo "  apt-get install mmdebstrap            then try again: the base is made from Debian's packages"
        echo "  TIDEWAITER_BASE=IMAGE make image      takes an image of yours that is stored here and has git and useradd"
    } >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "image: making the base $name needs root (mmdebstrap --mode=root); run it with sudo, or set TIDEWAITER_BASE" >&2
    exit 1
fi
scratch=$(mktemp -d)
container=""
trap 'if [ -n "$container" ]; then buildah rm "$container" >/dev/null; fi; rm -rf "$scratch"' EXIT
packages=$(grep -v '^#' "$here/packages" | paste -s -d , -)
echo "image: making the base $name (Debian $suite with $packages)"
# shellcheck disable=SC2086 # no word at all where no mirror is named
mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" "$suite" "$scratch/base.tar" ${TIDEWAITER_DEBIAN_MIRROR:-}
container=$(buildah from scratch)
buildah add --quiet "$container" "$scratch/base.tar" / >/dev/null
buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd /bin/sh "$container"
buildah commit --quiet "$container" "$name" >/dev/null
