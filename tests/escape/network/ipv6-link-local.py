# line: IPv6 literal / NAT64
# control: works
# inside: EAFNOSUPPORT
# inside netns: ENODEV
# seen: tcp [fe80::66]:443
import socket

from attempt import device

made = socket.socket(socket.AF_INET6)
made.settimeout(5)
made.connect(("fe80::66", 443, 0, device("eth0")))
