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
for target in "$@"; do
    mkdir -p "fuzz/corpus/$target"
    echo "fuzz: $target, $seconds s"
    cargo fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 2>&1 |
        grep -v -E '^#|^(INFO|stat::(new|slow))' || true
    [ -z "$(ls -A "fuzz/artifacts/$target" 2>/dev/null)" ] || { echo "fuzz: $target failed, see fuzz/artifacts/$target" >&2; exit 1; }
done
echo "fuzz: nothing found"
