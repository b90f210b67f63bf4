# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, limit processes: EPERM
# Limits cannot be set.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/older" prlimit64=EPERM -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'limit processes: EPERM' log | head -1)"
