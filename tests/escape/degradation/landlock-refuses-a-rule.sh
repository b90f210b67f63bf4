# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, failed to add a rule
# The version is right, and yet a rule is refused.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/older" landlock_add_rule=EINVAL -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'failed to add a rule' log | head -1)"
