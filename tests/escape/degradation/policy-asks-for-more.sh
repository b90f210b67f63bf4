# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, is older than 99
# The policy demands more than this kernel has.
cat >policy.toml <<'POLICY'
version = 1
[require]
landlock = 99
POLICY
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy policy.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'is older than 99' log | head -1)"
