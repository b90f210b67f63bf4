# line: connect /var/run/docker.sock
# control: works
# inside: EPERM
# runs: around
from ipc import around

# The policy lets the agent have unix sockets, and yet no abstract one outside is reached.
around("s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind('')\ns.sendto(b'x', path)\nanswer(s)", socket_type='dgram', names=["\0escape-%d"], policy='[process]\nunix = "allow"\n')
