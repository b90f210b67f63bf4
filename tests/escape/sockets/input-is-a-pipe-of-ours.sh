# line: reopen `/proc/self/fd/0`
# control: changed
# inside: unchanged
# runs: around
# A file as the job's standard input cannot be written through it.
echo original >file && chmod 666 file
echo 'echo planted >/proc/self/fd/0 2>/dev/null' >write.sh
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$@" sh write.sh <file >log 2>&1
[ "$(cat file)" = original ] && echo "result: unchanged" || echo "result: changed"
