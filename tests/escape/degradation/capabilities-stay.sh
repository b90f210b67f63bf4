# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, capset failure
# Capabilities cannot be given up.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/older" capset=EPERM -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'capset failure' log | head -1)"
