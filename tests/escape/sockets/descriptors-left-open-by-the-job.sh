# line: SCM_RIGHTS over an allowed socket
# control: outside
# inside: nothing
# runs: around
# The job's shell left a descriptor of a file outside open.
exec 9<"$OUT/secret"
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
echo "result: $("$@" sh -c 'cat <&9' 2>/dev/null || echo nothing)"
