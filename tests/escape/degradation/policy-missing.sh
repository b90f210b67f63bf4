# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, nowhere.toml: cannot be read
# The policy is not there.
cat >policy.toml <<'POLICY'

POLICY
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy nowhere.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'nowhere.toml: cannot be read' log | head -1)"
