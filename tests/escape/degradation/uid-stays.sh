# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, changing the uid
# places: host host-netns root
# why: elsewhere there is only one uid
# As root, the agent cannot be given another uid.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/older" setresuid=EPERM -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'changing the uid' log | head -1)"
