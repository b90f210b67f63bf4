# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, unknown field `tunnel`
# A key that nobody knows may be one that was meant to restrict.
cat >policy.toml <<'POLICY'
version = 1
[network]
tunnel = ["allowed.example:443"]
POLICY
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy policy.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'unknown field `tunnel`' log | head -1)"
