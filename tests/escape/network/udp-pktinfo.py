# line: UDP `sendmsg` with IP_PKTINFO ifindex=eth0
# control: works
# inside: EACCES
# inside netns: ENODEV
# seen: udp 198.51.100.66:5353
import socket
import struct

from attempt import device

made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
# IP_PKTINFO is 8: this message overrides the binding.
info = struct.pack("i4s4s", device("eth0"), bytes(4), bytes(4))
made.sendmsg([b"out"], [(socket.IPPROTO_IP, 8, info)], 0, ("198.51.100.66", 5353))
