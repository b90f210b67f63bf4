#!/bin/sh
# Every test, then a summary of what did not run here. Tests that cannot run print a line that begins with NOT RUN.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# The demo is a program that a test starts in containers; it also installs the real Claude Code, which others work with.
cargo build --locked --quiet --bin tidewaiter --example demo || exit 1
if [ -z "${TIDEWAITER_CLAUDE:-}" ] && program=$(cargo run --locked --quiet --example demo -- agent); then
    export TIDEWAITER_CLAUDE="$program"
fi
# Codex, where benches/peers.sh has put it.
codex="${XDG_CACHE_HOME:-$HOME/.cache}/tidewaiter/peers/bin/codex"
[ -n "${TIDEWAITER_CODEX:-}" ] || [ ! -x "$codex" ] || export TIDEWAITER_CODEX="$codex"
{ cargo test --locked --all-targets --no-fail-fast -- --show-output 2>&1; echo "status=$?"; } | tee "$log"
status=$(sed -n 's/^status=//p' "$log" | tail -n 1)
echo
if grep -q 'NOT RUN:' "$log"; then
    echo "These did NOT RUN here:"
    grep -o 'NOT RUN:.*' "$log" | sort | uniq -c
else
    echo "Every test ran."
fi
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 } END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
exit "${status:-1}"
