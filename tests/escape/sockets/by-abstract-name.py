# line: connect /var/run/docker.sock
# control: works
# inside: EACCES
# seen: unix @abstract
import socket

socket.socket(socket.AF_UNIX).connect("\0abstract")
