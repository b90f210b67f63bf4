# line: connect (and fast-open send) to a service
# control: works
# inside: EPERM
# seen: loopback 127.0.0.1:6379
import socket

made = socket.socket()
made.sendto(b"PING\r\n", 0x20000000, ("127.0.0.1", 6379))  # MSG_FASTOPEN
