# line: connect (and fast-open send) to a service
# control: works
# inside: EACCES
# seen: loopback 127.0.0.11:53
import socket

made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
made.sendto(b"question", ("127.0.0.11", 53))
