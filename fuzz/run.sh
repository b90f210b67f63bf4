#!/bin/sh
# Runs each fuzz target for FUZZ_SECONDS (default 30), or those named; stops at the first one that finds something.
# New inputs stay in fuzz/corpus, whatever fails in fuzz/artifacts; neither is part of the repository.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-30}
command -v cargo-fuzz >/dev/null 2>&1 || cargo install --locked --quiet cargo-fuzz
# Coverage and the address sanitizer are behind unstable flags of the same compiler that builds the rest.
export RUSTC_BOOTSTRAP=1
unset CARGO_BUILD_TARGET
[ $# -gt 0 ] || set -- $(cargo fuzz list)
cargo fuzz build
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "$@"; do
    mkdir -p "fuzz/corpus/$target"
    if cargo fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=256 -max_len=16384 -print_final_stats=1 >"$log" 2>&1; then
        echo "fuzz: $target, $seconds s: $(sed -n 's/^stat::number_of_executed_units: //p' "$log") inputs, nothing found"
    else
        grep -v -E '^#[0-9]|^INFO' "$log" >&2
        echo "fuzz: $target failed; what failed stands in fuzz/artifacts/$target" >&2
        exit 1
    fi
done
