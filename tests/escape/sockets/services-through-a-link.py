# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# runs: around
from ipc import SERVICES, around

around("os.path.islink('link') and os.unlink('link')\nos.symlink(path, 'link')\ns = socket.socket(socket.AF_UNIX)\ns.connect('link')\ns.send(b'x')\nanswer(s)", socket_type='stream', names=SERVICES)
