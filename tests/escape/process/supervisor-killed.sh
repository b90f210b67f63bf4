# line: kill -9 / SIGSTOP the supervisor
# control: the agent lives
# inside: the agent is dead
# runs: around
# Somebody outside kills the supervisor: the agent dies with it.
cat >alive.sh <<'ALIVE'
echo >started
while :; do echo >>ticks; sleep 0.05; done
ALIVE
if [ "$WALLS" = on ]; then
    "$TIDEWAITER" run --policy "$PLAIN" -- sh alive.sh >log 2>&1 &
    supervisor=$!
else
    sh -c 'sh alive.sh & wait' &
    supervisor=$!
fi
for _ in $(seq 100); do [ -e ticks ] && break; sleep 0.1; done
[ -e ticks ] || { cat log; echo "result: not started"; exit; }
kill -9 $supervisor; sleep 1.5
before=$(wc -c <ticks); sleep 0.5; after=$(wc -c <ticks)
[ "$before" = "$after" ] && what="the agent is dead" || what="the agent lives"

echo "result: $what"
for pid in $(grep -lz alive.sh /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3); do
    [ "$(readlink /proc/$pid/cwd)" = "$PWD" ] && kill -9 $pid 2>/dev/null
done
