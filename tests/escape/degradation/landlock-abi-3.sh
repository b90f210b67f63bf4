# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, keep the promise `loopback`
# inside user restricted: 125, keep the promise `signals`
# places: host root user restricted
# why: what stands for the old kernel is a listener, and the other fence comes to need its own
# The kernel says that its Landlock is older.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" landlock-abi=3 -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o 'keep the promise `[a-z-]*`' log | head -1)"
