#!/bin/sh
# Every test, then a summary of what did not run here. Tests that cannot run print a line that begins with NOT RUN.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# The real Claude Code, where the demo has installed it.
for program in target/*/demo/claude-code-*/node_modules/@anthropic-ai/claude-code-linux-*/claude; do
    [ -n "${TIDEWAITER_CLAUDE:-}" ] || [ ! -x "$program" ] || export TIDEWAITER_CLAUDE="$PWD/$program"
done
# The demo is a program that a test starts in containers.
cargo build --locked --quiet --example demo || exit 1
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
