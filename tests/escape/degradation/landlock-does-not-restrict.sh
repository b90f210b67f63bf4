# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, failed to restrict the calling thread
# Rules are taken, and never come into force.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" landlock_restrict_self=EPERM -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'failed to restrict the calling thread' log | head -1)"
