# line: kill -9 / SIGSTOP the supervisor
# control: the agent lives
# inside: the agent is dead, 125
# runs: around
# Somebody outside kills the gateway: the agent dies, and the run has failed.
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
if [ "$WALLS" = on ]; then
    for pid in $(grep -lz "^tidewaiter-gateway" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3); do
        parent=$(cut -d' ' -f4 /proc/$pid/stat)
        [ "$parent" = "$supervisor" ] && kill -9 $pid
    done
    sleep 1.5
fi
before=$(wc -c <ticks); sleep 0.5; after=$(wc -c <ticks)
[ "$before" = "$after" ] && what="the agent is dead" || what="the agent lives"
[ "$WALLS" = on ] && { wait $supervisor; what="$what, $?"; }
echo "result: $what"
for pid in $(grep -lz alive.sh /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3); do
    [ "$(readlink /proc/$pid/cwd)" = "$PWD" ] && kill -9 $pid 2>/dev/null
done
