# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# seen: unix docker.sock
import os
import socket

from attempt import DIRECTORY

os.symlink(DIRECTORY + "/sockets/docker.sock", "link")
socket.socket(socket.AF_UNIX).connect("link")
