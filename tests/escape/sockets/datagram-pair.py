# line: `socketpair(AF_UNIX, SOCK_DGRAM)`
# control: works
# inside: EPERM
# runs: around
from ipc import around

ATTEMPT = "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\nos.path.exists('own') or b.bind('own')\nb.connect(path)\nb.send(b'x')\nanswer(b)"
around(ATTEMPT, socket_type="dgram")
