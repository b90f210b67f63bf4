# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, this kernel has no Landlock
# A kernel that was built without it.
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" landlock_create_ruleset=ENOSYS -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'this kernel has no Landlock' log | head -1)"
