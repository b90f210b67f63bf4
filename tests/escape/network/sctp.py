# line: UDP-Lite (proto 136)
# control: works or EPROTONOSUPPORT
# inside: EACCES
import socket

made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)  # IPPROTO_SCTP
made.settimeout(5)
made.connect(("198.51.100.66", 443))
