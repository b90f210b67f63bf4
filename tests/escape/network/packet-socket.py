# line: ping socket SOCK_DGRAM/ICMP
# control: works
# inside: EACCES
# seen: udp 198.51.100.66:5353
import socket
import struct

made = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
udp = struct.pack("!HHHH", 5353, 5353, 11, 0) + b"out"
packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton("10.77.0.2"), socket.inet_aton("198.51.100.66")) + udp
made.sendto(packet, ("eth0", 0x0800, 0, 0, b"\xff" * 6))
