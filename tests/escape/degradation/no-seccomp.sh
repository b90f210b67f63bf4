# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, socket filter: Invalid argument
# No filters at all.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" seccomp=EINVAL -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'socket filter: Invalid argument' log | head -1)"
