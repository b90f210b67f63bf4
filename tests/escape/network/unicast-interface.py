# line: bind() brokered socket to container's eth0 address
# control: works
# inside: EINVAL
# inside netns: ENODEV
# seen: tcp 198.51.100.66:3128
import socket
import struct

from attempt import device, gateway

made = socket.socket()
made.settimeout(10)
# IP_UNICAST_IF is 50; it steers packets that no device holds.
made.setsockopt(socket.IPPROTO_IP, 50, struct.pack("!I", device("eth0")))
made.connect(("198.51.100.66", gateway()[1]))
