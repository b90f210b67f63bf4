# line: setsockopt(TCP_FASTOPEN_CONNECT)+connect ext
# control: works
# inside: EPERM
# seen: tcp 198.51.100.66:443
import socket

made = socket.socket()
made.settimeout(5)
made.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
made.connect(("198.51.100.66", 443))
made.sendall(b"out")
