# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, a TCP socket through the fence must work
# places: host root user restricted
# why: a network namespace of its own needs neither
# A listener that cannot put descriptors into the caller (SECCOMP_IOCTL_NOTIF_ADDFD).
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$CASES/lacking" ioctl=EINVAL:1:0x40182103 -- "$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'a TCP socket through the fence must work' log | head -1)"
