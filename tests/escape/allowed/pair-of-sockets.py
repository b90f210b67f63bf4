# line: what plain work needs
# control: works
import socket

one, two = socket.socketpair()
one.sendall(b"text")
assert two.recv(4) == b"text"
