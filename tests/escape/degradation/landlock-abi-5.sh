# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, keep the promise `signals`
# places: user restricted
# why: elsewhere a uid of the agent's own does what Landlock's scopes do
# The kernel says that its Landlock is older.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" landlock-abi=5 -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o 'keep the promise `[a-z-]*`' log | head -1)"
