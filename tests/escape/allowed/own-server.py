# line: what plain work needs
# control: works
import socket

server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname(), 5)
client.sendall(b"text")
assert server.accept()[0].recv(4) == b"text"
