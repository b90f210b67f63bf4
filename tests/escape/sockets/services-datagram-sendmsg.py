# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# runs: around
from ipc import SERVICES, around

around("s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\nos.path.exists('own') or s.bind('own')\ns.sendmsg([b'x'], [], 0, path)\nanswer(s)", socket_type='dgram', names=SERVICES)
