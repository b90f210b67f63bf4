#!/bin/sh
# Runs every probe outside of the walls and then inside: probes.sh TIDEWAITER PROBES.PY
set -eu
umask 0
base=$(mktemp -d)
chmod 755 "$base"
trap 'rm -rf "$base"' EXIT
for side in outside inside; do
    mkdir -p "$base/$side/out" "$base/$side/w"
    echo outside > "$base/$side/out/file"
    cp "$2" "$base/$side/w/probes.py"
done
cd "$base/outside/w"
python3 probes.py outside
cd "$base/inside/w"
"$1" run -- python3 probes.py inside
