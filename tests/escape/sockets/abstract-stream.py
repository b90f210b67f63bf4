# line: connect /var/run/docker.sock
# control: works
# inside: EPERM
# runs: around
from ipc import around

# The policy lets the agent have unix sockets, and yet no abstract one outside is reached.
around("s = socket.socket(socket.AF_UNIX)\ns.connect(path)\ns.send(b'x')\nanswer(s)", socket_type='stream', names=["\0escape-%d"], policy='[process]\nunix = "allow"\n')
