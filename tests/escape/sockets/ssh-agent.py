# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# seen: unix ssh-agent
import socket

from attempt import DIRECTORY

socket.socket(socket.AF_UNIX).connect(DIRECTORY + "/sockets/ssh-agent")
