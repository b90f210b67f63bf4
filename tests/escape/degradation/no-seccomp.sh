# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, the list of system calls cannot be put up
# No filters at all.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" seccomp=EINVAL -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'the list of system calls cannot be put up' log | head -1)"
