# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, Address already in use
# The gateway gets no port.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" bind=EADDRINUSE -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'Address already in use' log | head -1)"
