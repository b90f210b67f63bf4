# line: `setsockopt(SO_BINDTODEVICE, "")`
# control: works
# inside: EPERM
# seen: tcp 198.51.100.66:443
import socket

made = socket.socket()
made.settimeout(5)
if made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") != b"lo":
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
made.setsockopt(socket.SOL_SOCKET, 62, dict((name, index) for index, name in socket.if_nameindex())["eth0"])  # SO_BINDTOIFINDEX
made.connect(("198.51.100.66", 443))
