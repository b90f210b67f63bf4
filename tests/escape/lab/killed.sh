# Somebody outside kills a process of ours while an agent works. `killed NAME` kills the child of the supervisor with that name, or
# with the name `supervisor` that one itself, and prints what became of the agent, with the run's status where somebody is left to
# give one. Without walls there is none of our processes but the one that waits, and the agent outlives that one.
killed() {
    cat >alive.sh <<'ALIVE'
echo >started
while :; do echo >>ticks; sleep 0.05; done
ALIVE
    if [ "$WALLS" = on ]; then
        "$TIDEWAITER" run --policy "$PLAIN" -- sh alive.sh >log 2>&1 &
    else
        sh -c 'sh alive.sh & wait' &
    fi
    supervisor=$!
    for _ in $(seq 100); do [ -e ticks ] && break; sleep 0.1; done
    [ -e ticks ] || { cat log; echo "result: not started"; exit; }
    [ "$WALLS" = on ] || [ "$1" = supervisor ] && { victim "$1"; sleep 1.5; }
    before=$(wc -c <ticks); sleep 0.5; after=$(wc -c <ticks)
    [ "$before" = "$after" ] && what="the agent is dead" || what="the agent lives"
    [ "$WALLS" = off ] || [ "$1" = supervisor ] || { wait $supervisor; what="$what, $?"; }
    echo "result: $what"
    for pid in $(grep -lz alive.sh /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3); do
        [ "$(readlink /proc/$pid/cwd)" = "$PWD" ] && kill -9 $pid 2>/dev/null
    done
}

victim() {
    [ "$1" = supervisor ] && { kill -9 $supervisor; return; }
    dead=0
    for pid in $(grep -lz "^tidewaiter-$1" /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3); do
        [ "$(cut -d' ' -f4 /proc/$pid/stat)" = "$supervisor" ] && kill -9 $pid && dead=1
    done
    [ $dead = 1 ] || { echo "result: there is no $1"; exit; }
}
