# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# seen: unix log
import socket

from attempt import DIRECTORY

socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"inside", DIRECTORY + "/sockets/log")
