#!/bin/sh
# A stage for what crosses a fence: stage.sh DIRECTORY COMMAND…, in a network and a mount namespace of its own, which hold an
# allowed host, a service of the job and an attacker, all of them programs of ours (stage.py), and names for them. Needs root.
set -eu
if [ "${TIDEWAITER_INSIDE:-}" != 1 ]; then
    TIDEWAITER_INSIDE=1 exec unshare -n -m --propagation private "$0" "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
directory=$1
shift
ip link set lo up
for address in 203.0.113.5 203.0.113.6 198.51.100.7; do ip addr add $address/32 dev lo; done
printf '127.0.0.1 localhost\n203.0.113.5 allowed.example deep.a.allowed.example\n203.0.113.6 database\n198.51.100.7 evil.example\n' >"$directory/names"
mount --bind "$directory/names" /etc/hosts
python3 "$here/stage.py" "$directory" &
far_ends=$!
trap 'kill "$far_ends"' EXIT
until [ -e "$directory/ready" ]; do sleep 0.05; done
cd "$directory/workspace"
"$@"
