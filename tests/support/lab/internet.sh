#!/bin/sh
# internet.sh DIRECTORY COMMAND…: runs a command beside an internet of our own making.
#
# The command's network namespace has `lo`, and `eth0` whose other end lies in a second namespace that stands for everything
# outside: an attacker, hosts that a policy may allow, cloud metadata services, a name server, a container engine's gateway.
# Nothing joins the two to anything else, so no packet can leave this machine. What the outside saw is written to
# DIRECTORY/seen.jsonl, the certificates are read from DIRECTORY/pki. Needs root.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${TIDEWAITER_INSIDE:-}" != 1 ]; then
    TIDEWAITER_INSIDE=1 exec unshare -n -m -i --propagation private "$0" "$@"
fi
directory=$1
shift
python="/usr/bin/python3 -B"

ip link set lo up
unshare -n sh -c '
    ip link set lo up
    until ip link show away >/dev/null 2>&1; do sleep 0.02; done
    for address in 10.77.0.1/24 198.51.100.66/24 203.0.113.10/24 203.0.113.20/24 203.0.113.30/24 203.0.113.53/24 \
        169.254.169.254/32 169.254.1.1/32 168.63.129.16/32 100.100.100.200/32 172.17.0.1/32 10.77.0.3/24; do
        ip addr add $address dev away
    done
    for address in fd77::1/64 2001:db8:66::66/64 fd00:ec2::254/128 64:ff9b::c633:6442/128 fe80::66/64; do
        ip addr add $address dev away nodad
    done
    ip link set away up
    exec "$@"' sh $python "$here/internet.py" "$directory" &
internet=$!
trap 'kill $internet $local 2>/dev/null || true' EXIT
local=
while [ "$(readlink /proc/$internet/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
ip link add eth0 type veth peer name away netns "$internet"
ip addr add 10.77.0.2/24 dev eth0
ip addr add fd77::2/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 10.77.0.1
ip -6 route add default via fd77::1
echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range
# Names are asked for outside, as in a job; the file is bound for this mount namespace alone.
echo "nameserver 203.0.113.53" >"$directory/resolv.conf"
mount --bind "$directory/resolv.conf" "$(readlink -f /etc/resolv.conf)"
$python "$here/loopback.py" "$directory" &
local=$!
until [ -e "$directory/internet.ready" ] && [ -e "$directory/loopback.ready" ]; do
    kill -0 $internet && kill -0 $local
    sleep 0.02
done
"$@"
