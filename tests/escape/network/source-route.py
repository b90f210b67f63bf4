# line: bind() brokered socket to container's eth0 address
# control: timed out
# inside: EPERM
# seen: tcp 198.51.100.66:3128
import socket

from attempt import gateway

made = socket.socket()
made.settimeout(2)
# IP_OPTIONS with a loose source route (RFC 791): the gateway's address is where it ends, the attacker the first hop. The packet
# goes there, although nobody answers it. Without CAP_NET_RAW the kernel takes no such option.
route = bytes([0x83, 7, 4]) + socket.inet_aton("198.51.100.66") + b"\0"
made.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, route)
made.connect(("127.0.0.1", gateway()[1]))
