# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# seen: unix session_bus_socket
import socket

from attempt import DIRECTORY

socket.socket(socket.AF_UNIX).connect(DIRECTORY + "/sockets/session_bus_socket")
