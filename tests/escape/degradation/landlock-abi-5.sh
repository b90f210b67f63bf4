# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, Landlock ABI 5 is older than 6
# The kernel says that its Landlock is older.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" landlock-abi=5 -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'Landlock ABI 5 is older than 6' log | head -1)"
