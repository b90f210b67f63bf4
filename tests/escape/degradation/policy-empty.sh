# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, missing field `version`
# An empty policy is none.
cat >policy.toml <<'POLICY'

POLICY
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy policy.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'missing field `version`' log | head -1)"
