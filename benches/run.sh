#!/bin/sh
# What locking in costs (bench.py), what the gateway does beside other proxies (gateway.py), how fast the gate looks for secrets
# beside other searches (secrets.py), and what an inspection takes beside git (gate.py), each side by side in one run.
#
#   run.sh BINARY
#
# TIDEWAITER_BENCH_PAIRS    pairs of each start that are measured                                   [40]
# TIDEWAITER_BENCH_ONLY     "walls", "gateway", "secrets" or "gate"                                 [all]
# TIDEWAITER_BENCH_PEERS    1: install the peers first (peers.sh); else those that are there are measured
# TIDEWAITER_BENCH_STRICT   1: exit with 1 where a figure is over its bound                         [none]
set -eu
# Nothing of ours is written beside the scripts.
export PYTHONDONTWRITEBYTECODE=1
binary=$(realpath "${1:?usage: run.sh BINARY}")
[ -x "$binary" ] || { echo "bench: $binary is not there; \`make build\` makes it" >&2; exit 1; }
for program in python3 cc git tar setpriv; do
    command -v $program >/dev/null 2>&1 || { echo "bench: $program is missing (Debian, Ubuntu: sudo apt-get install python3 gcc git tar util-linux)" >&2; exit 1; }
done
here=$(cd "$(dirname "$0")" && pwd)
peers="${XDG_CACHE_HOME:-$HOME/.cache}/tidewaiter/peers"
[ "${TIDEWAITER_BENCH_PEERS:-}" != 1 ] || sh "$here/peers.sh" "$peers"
# Below /tmp, and open: the agent's uid and a container's user enter it.
scratch=$(mktemp -d /tmp/tidewaiter-bench.XXXXXX)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
mkdir "$scratch/small"
cc -O2 -o "$scratch/small/loops" "$here/loops.c"
cp "$binary" "$scratch/tidewaiter"
cd "$scratch"
only=${TIDEWAITER_BENCH_ONLY:-all}
policy=$(realpath "$here/../policies/default.toml")
case $only in all | walls)
    python3 "$here/bench.py" "$scratch/tidewaiter" "$policy" "$(realpath "$here/../tests/containers/enter.sh")" "$peers" ;;
esac
case $only in all | gateway)
    mkdir "$scratch/ways"
    cc -O2 -pthread -o "$scratch/ways/ways" "$here/ways.c"
    cd "$scratch/ways"
    python3 "$here/gateway.py" "$scratch/tidewaiter" "$peers" ;;
esac
case $only in all | secrets)
    # The sources of what this project is built of, where cargo keeps them.
    for sources in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do break; done
    (cd "$here/.." && cargo build --quiet --release --locked --example secrets)
    mkdir "$scratch/secrets"
    cd "$scratch/secrets"
    python3 "$here/secrets.py" "$(dirname "$binary")/examples/secrets" "$peers" "$sources" ;;
esac
case $only in all | gate)
    mkdir "$scratch/gate"
    cd "$scratch/gate"
    python3 "$here/gate.py" "$scratch/tidewaiter" "$policy" ;;
esac
