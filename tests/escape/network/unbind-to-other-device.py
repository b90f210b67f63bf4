# line: `setsockopt(SO_BINDTODEVICE, "")`
# control: works
# inside: EPERM
# inside netns: ENODEV
# seen: tcp 198.51.100.66:443
import socket

made = socket.socket()
made.settimeout(5)
if made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0") != b"lo":
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
made.connect(("198.51.100.66", 443))
