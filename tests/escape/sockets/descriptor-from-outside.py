# line: SCM_RIGHTS over an allowed socket
# control: works
# inside: EACCES
# seen: unix docker.sock
import os
import socket

from attempt import DIRECTORY

# Whoever connects there is given a descriptor of a file outside.
client = socket.socket(socket.AF_UNIX)
client.connect(DIRECTORY + "/sockets/docker.sock")
_, given, _, _ = socket.recv_fds(client, 16, 1)
assert os.read(given[0], 64)
