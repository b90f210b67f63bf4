# line: connect /var/run/docker.sock
# control: own and abstract
# inside: own, EPERM
# inside netns: own, ECONNREFUSED
# runs: around
# Where no socket of others is in reach, unix sockets work among the command's own processes; abstract ones outside never do.
cat >own.py <<'OWN'
import errno, socket
server = socket.socket(socket.AF_UNIX)
server.bind("own")
server.listen()
socket.socket(socket.AF_UNIX).connect("own")
try:
    socket.socket(socket.AF_UNIX).connect("\0abstract")
    print("own and abstract")
except OSError as error:
    print("own,", errno.errorcode[error.errno])
OWN
{ cat "$PLAIN"; echo 'unix = "allow"'; } >policy.toml
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy policy.toml -- || set --
echo "result: $("$@" /usr/bin/python3 own.py 2>&1 | tail -1)"
