# line: agent asked (prompt-injected)
# runs: around
# control: read
# inside: Permission denied
# The command brings the program and a wide policy of its own, and starts it in the walls.
cp "$TIDEWAITER" own && chmod 755 own
printf 'version = 1\n[files]\nread = ["/"]\n[network]\nloopback = "any"\n' >wide.toml
cat >nested.sh <<'NESTED'
./own run --policy wide.toml -- cat "$1" 2>nested.log || { cat nested.log; cat "$1"; }
NESTED
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$@" sh nested.sh "$OUT/secret" >log 2>&1
cat log
grep -q '^outside' log && echo "result: read" || echo "result: $(grep -o 'Permission denied' log | tail -1)"
