# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, must be 1
# A policy of a version that this program does not know.
cat >policy.toml <<'POLICY'
version = 2
POLICY
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy policy.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'must be 1' log | head -1)"
