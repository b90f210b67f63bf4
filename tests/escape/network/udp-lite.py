# line: UDP-Lite (proto 136)
# control: works
# inside: EACCES
# seen: ip 136 198.51.100.66
import socket

made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136)  # IPPROTO_UDPLITE
made.sendto(b"out", ("198.51.100.66", 5353))
