# line: `socketpair(AF_UNIX, SOCK_DGRAM)`
# control: EISCONN
# inside: EISCONN
import socket

from attempt import DIRECTORY

# An end of a stream pair is connected for good.
one, _ = socket.socketpair()
one.connect(DIRECTORY + "/sockets/docker.sock")
