# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# seen: unix system_bus_socket
import socket

from attempt import DIRECTORY

socket.socket(socket.AF_UNIX).connect(DIRECTORY + "/sockets/system_bus_socket")
