# line: reopen `/proc/self/fd/0`
# control: injected
# inside: nothing injected
# runs: around
# The outer shell reads its script from a pipe; the command inside opens its own standard input for writing.
cat >inject.sh <<'INJECT'
echo "echo injected >injected" >/proc/self/fd/0 2>/dev/null
sleep 0.2
INJECT
[ "$WALLS" = on ] && command="\"$TIDEWAITER\" run --policy \"$PLAIN\" --" || command=""
{ echo "$command sh inject.sh"; sleep 1.5; echo "true"; } | sh >log 2>&1
cat log
[ -e injected ] && echo "result: injected" || echo "result: nothing injected"
