# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, start a process: Function not implemented
# Inherited descriptors cannot be closed at once.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" close_range=ENOSYS -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'start a process: Function not implemented' log | head -1)"
