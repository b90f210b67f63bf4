# line: UDP `sendmsg` with IP_PKTINFO
# control: works
# inside: EAFNOSUPPORT
# inside netns: ENODEV
# seen: udp 198.51.100.66:5353
import socket
import struct

from attempt import device

# An IPv6 socket with a v4-mapped destination takes IP_PKTINFO as well.
made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
info = struct.pack("i4s4s", device("eth0"), bytes(4), bytes(4))
made.sendmsg([b"out"], [(socket.IPPROTO_IP, 8, info)], 0, ("::ffff:198.51.100.66", 5353))
