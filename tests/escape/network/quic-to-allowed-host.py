# line: QUIC/HTTP3 to allowed host
# control: works
# inside: EACCES
# inside netns: ENETUNREACH
# seen: udp 203.0.113.10:443
import socket

# A QUIC Initial begins like this (RFC 9000 section 17.2.2); no UDP means no QUIC, whoever is allowed.
initial = bytes([0xC3, 0, 0, 0, 1, 8]) + bytes(8) + bytes(1183)
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
made.settimeout(5)
made.sendto(initial, ("203.0.113.10", 443))
made.recv(64)
