# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# runs: around
from ipc import SERVICES, around

around("s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ns.connect(path)\ns.send(b'x')\nanswer(s)", socket_type='seqpacket', names=SERVICES)
