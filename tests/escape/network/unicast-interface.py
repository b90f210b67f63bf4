# line: bind() brokered socket to container's eth0 address
# control: works
# inside: EINVAL
# seen: tcp 198.51.100.66:3128
import socket
import struct

from attempt import gateway

made = socket.socket()
made.settimeout(10)
# IP_UNICAST_IF is 50; it steers packets that no device holds.
made.setsockopt(socket.IPPROTO_IP, 50, struct.pack("!I", dict((name, index) for index, name in socket.if_nameindex())["eth0"]))
made.connect(("198.51.100.66", gateway()[1]))
