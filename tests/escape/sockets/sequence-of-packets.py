# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# seen: unix packets
import socket

from attempt import DIRECTORY

socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(DIRECTORY + "/sockets/packets")
