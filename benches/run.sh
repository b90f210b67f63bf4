#!/bin/sh
# What locking in costs: `tidewaiter run -- true` against bare `true`, in alternating pairs in one run, so that both meet the
# same machine. Prints minimum, median and maximum in milliseconds of each, and of the difference within a pair.
#
#   run.sh BINARY
#
# TIDEWAITER_BENCH_PAIRS    pairs that are measured                             [50]
# TIDEWAITER_BENCH_MOST_MS  fail when the median difference is more than this   [none]
set -eu
binary=$(realpath "${1:?usage: run.sh BINARY}")
[ -x "$binary" ] || { echo "bench: $binary is not there; \`make build\` makes it" >&2; exit 1; }
command -v python3 >/dev/null 2>&1 || { echo "bench: python3 is missing (Debian, Ubuntu: sudo apt-get install python3)" >&2; exit 1; }
policy=$(realpath "$(dirname "$0")/../policies/default.toml")
# An empty workspace below /tmp, which the agent's uid may enter: what is measured is the walls, not a change of owners.
workspace=$(mktemp -d /tmp/tidewaiter-bench.XXXXXX)
trap 'rm -rf "$workspace"' EXIT
cd "$workspace"
python3 - "$binary" "$policy" <<'PYTHON'
import os, statistics, subprocess, sys, time

binary, policy = sys.argv[1:]
pairs = int(os.environ.get("TIDEWAITER_BENCH_PAIRS", "50"))
most = float(os.environ.get("TIDEWAITER_BENCH_MOST_MS", "inf"))
bare = ["true"]
inside = [binary, "run", "--policy", policy, "--", "true"]


def once(command):
    before = time.perf_counter()
    status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    took = (time.perf_counter() - before) * 1000
    if status != 0:
        sys.exit(f"bench: `{' '.join(command)}` exited with {status}")
    return took


for command in (bare, inside):  # what the first run reads from disk is not measured
    once(command)
times = {"true": [], "tidewaiter run -- true": [], "difference": []}
for pair in range(pairs):
    # Whoever goes first changes from pair to pair.
    order = (bare, inside) if pair % 2 == 0 else (inside, bare)
    took = {command[0]: once(command) for command in order}
    times["true"].append(took["true"])
    times["tidewaiter run -- true"].append(took[binary])
    times["difference"].append(took[binary] - took["true"])
print(f"{pairs} alternating pairs, milliseconds {'min':>9} {'median':>9} {'max':>9}")
for name, values in times.items():
    print(f"{name:<35} {min(values):9.2f} {statistics.median(values):9.2f} {max(values):9.2f}")
if statistics.median(times["difference"]) > most:
    sys.exit(f"bench: the median difference is more than {most} ms")
PYTHON
