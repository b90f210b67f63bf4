# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# seen: unix tmux
import socket

from attempt import DIRECTORY

socket.socket(socket.AF_UNIX).connect(DIRECTORY + "/sockets/tmux")
