# line: start-up race: agent acts before fence is up
# runs: around
# control: read
# inside: refused 5 times
# The first thing that the command does, many times over: what a wall that comes too late would let through.
cat >first.sh <<'FIRST'
exec 3<"$1" && echo read
FIRST
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
for _ in 1 2 3 4 5; do
    "$@" sh first.sh "$OUT/secret" >>log 2>&1
done
grep -q '^read' log && echo "result: read" || echo "result: refused $(grep -c 'Permission denied' log) times"
