# line: fork bomb, memory, disk
# control: many left
# inside: 125 limits.time, 0 left
# runs: around
# timeout: 60
# Every process makes more, in sessions of their own, and none gives up. The limit of time ends it, and nobody is left.
# Another run on this machine has bombs of another name.
bomb=bomb-$$.py
cat >$bomb <<'BOMB'
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end = time.time() + 2
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        time.sleep(0.01)
    if len(sys.argv) > 1 and time.time() > end:
        os._exit(0)
BOMB
printf 'version = 1\n[limits]\ntime = 3\n[process.limits]\nprocesses = 200\n' >policy.toml
left() { grep -lz "bomb-$$[.]py" /proc/[0-9]*/cmdline 2>/dev/null | wc -l; }
if [ "$WALLS" = on ]; then
    timeout 30 "$TIDEWAITER" run --policy "$PLAIN" --policy policy.toml -- /usr/bin/python3 $bomb >log 2>&1
    echo "result: $? $(grep -o 'limits.time' log | head -1), $(left) left"
else
    # A small one, that ends by itself: it runs on when whoever started it is gone.
    prlimit --nproc=50:50 setpriv --reuid 61123 --clear-groups /usr/bin/python3 $bomb briefly >log 2>&1 &
    for _ in $(seq 50); do [ "$(left)" -gt 5 ] && what="many left" && break; sleep 0.1; done
    sleep 3
    echo "result: ${what:-few left}"
fi
