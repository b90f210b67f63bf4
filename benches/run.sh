#!/bin/sh
# What locking in costs, measured in pairs in one run: see bench.py.
#
#   run.sh BINARY
#
# TIDEWAITER_BENCH_PAIRS    pairs of each start that are measured                                   [30]
# TIDEWAITER_BENCH_STRICT   1: exit with 1 where a figure is over its bound                         [none]
set -eu
binary=$(realpath "${1:?usage: run.sh BINARY}")
[ -x "$binary" ] || { echo "bench: $binary is not there; \`make build\` makes it" >&2; exit 1; }
for program in python3 cc git; do
    command -v $program >/dev/null 2>&1 || { echo "bench: $program is missing (Debian, Ubuntu: sudo apt-get install python3 gcc git)" >&2; exit 1; }
done
here=$(cd "$(dirname "$0")" && pwd)
# Below /tmp, which the agent's uid may enter: what is measured is the walls, not a change of owners.
workspace=$(mktemp -d /tmp/tidewaiter-bench.XXXXXX)
trap 'rm -rf "$workspace"' EXIT
cc -O2 -o "$workspace/loops" "$here/loops.c"
cd "$workspace"
python3 "$here/bench.py" "$binary" "$(realpath "$here/../policies/default.toml")"
