# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, new session: Operation not permitted
# No session of its own: the job would keep its terminal.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/older" setsid=EPERM -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'new session: Operation not permitted' log | head -1)"
