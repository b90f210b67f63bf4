#!/bin/sh
# The gate against its corpora, and one table of what came of it: attacks and look-alikes, hostile repositories, hidden changes,
# a racing writer, and real changes, which fetch.sh lays down first. Exits with 1 where a mark is missed or a row is not there.
#
#   TIDEWAITER_RACES    judgements beside a racing writer    [1000]
set -u
here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=
sh "$here/fetch.sh" || failed="what is not what the list says was fetched"
export GATE_CORPUS_SOURCES="${XDG_CACHE_HOME:-$HOME/.cache}/tidewaiter/corpus/sources" TIDEWAITER_RACES="${TIDEWAITER_RACES:-1000}"
{
    cargo test --release --locked --no-fail-fast --test corpus --test gate_hostile --test gate_race -- --nocapture --test-threads 1 2>&1
    echo "status=$?"
} | tee "$log"
[ "$(sed -n 's/^status=//p' "$log" | tail -n 1)" = 0 ] || failed="${failed:+$failed; }a test failed"
for row in 'attacks caught, all' 'harmless denied or held for review' 'programs run by a case' 'second judgements that differ' \
    'planted programs run' 'hidden changes missed' 'racing writer, mismatches' 'real changes' 'real files denied' 'real files for review'; do
    grep -q "gate-corpus: $row" "$log" || failed="${failed:+$failed; }no row for $row"
done
echo
grep 'NOT RUN\|NOT CAUGHT\|NOT FETCHED\|WRONG DIGEST' "$log"
# A test's own line may begin with the test's name.
{
    echo 'what | found | mark'
    sed -n 's/^.*gate-corpus: \([^|]* | [^|]* | [^|]*\)$/\1/p' "$log"
} | awk -F ' [|] ' '
    { for (n = 1; n <= NF; n++) { cell[NR, n] = $n; if (length($n) > wide[n]) wide[n] = length($n) } }
    END { for (r = 1; r <= NR; r++) { printf "| %-*s | %-*s | %-*s |\n", wide[1], cell[r, 1], wide[2], cell[r, 2], wide[3], cell[r, 3]
        if (r == 1) { line = ""; for (n = 1; n <= 3; n++) { rule = sprintf("%*s", wide[n] + 2, ""); gsub(/ /, "-", rule); line = line "|" rule }; print line "|" } } }'
[ -z "$failed" ] && echo "Every mark is met." && exit 0
echo "MISSED: $failed"
exit 1
