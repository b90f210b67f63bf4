# line: ping socket SOCK_DGRAM/ICMP
# control: works
# inside: EACCES
# seen: icmp 198.51.100.66
import socket
import struct

echo = struct.pack("!BBHHH", 8, 0, 0xF7FE, 1, 0)
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
made.settimeout(5)
made.sendto(echo, ("198.51.100.66", 0))
made.recv(64)
