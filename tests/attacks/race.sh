#!/bin/sh
# Races the address of connect towards a second network namespace of our own, outside of the walls and inside: race.sh
# TIDEWAITER DIRECTORY. The directory holds the program `race` and the policy `any.toml`, which opens every port, so that
# only the sockets' device keeps them in. Needs root; nothing else is joined to the two namespaces.
set -eu
if [ "${TIDEWAITER_INSIDE:-}" != 1 ]; then
    TIDEWAITER_INSIDE=1 exec unshare -n -m --propagation private "$0" "$@"
fi
ip link set lo up
listen='import socket
listener = socket.create_server(("0.0.0.0", 8443), backlog=4000)
while True: listener.accept()[0].close()'
unshare -n sh -c 'while ! ip link set away up 2>/dev/null; do sleep 0.05; done
ip addr add 198.51.100.2/24 dev away
exec python3 -c "$0"' "$listen" &
outside=$!
trap 'kill "$outside"' EXIT
while [ "$(readlink /proc/$outside/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link add near type veth peer name away netns "$outside"
ip addr add 198.51.100.1/24 dev near
ip link set near up
until python3 -c 'import socket; socket.create_connection(("198.51.100.2", 8443), 1)' 2>/dev/null; do sleep 0.1; done
cd "$2"
printf 'outside: '
./race 198.51.100.2 8443
printf 'inside: '
"$1" run --policy any.toml -- ./race 198.51.100.2 8443
