# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, a TCP socket through the fence must work
# places: host root user restricted
# why: a network namespace of its own needs neither
# Sockets cannot be bound to a device (SO_BINDTODEVICE is 25).
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" setsockopt=EPERM:2:25 -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'a TCP socket through the fence must work' log | head -1)"
