# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, socket filter: Device or resource busy
# A sandbox around us has a listener already: there is one a tree.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" seccomp=EBUSY:1:8 -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'socket filter: Device or resource busy' log | head -1)"
