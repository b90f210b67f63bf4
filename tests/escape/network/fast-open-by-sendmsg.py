# line: setsockopt(TCP_FASTOPEN_CONNECT)+connect ext
# control: works
# inside: EPERM
# seen: tcp 198.51.100.66:443
import socket

made = socket.socket()
made.sendmsg([b"out"], [], 0x20000000, ("198.51.100.66", 443))  # MSG_FASTOPEN
