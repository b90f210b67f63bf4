# line: `socketpair(AF_UNIX, SOCK_DGRAM)`
# control: works
# inside: EPERM
# seen: unix log
import socket

from attempt import DIRECTORY

# An end of a datagram pair can be connected again, to a socket outside.
one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
one.connect(DIRECTORY + "/sockets/log")
one.send(b"inside")
