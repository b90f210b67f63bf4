# line: IPv6 literal / NAT64
# control: works
# inside: EAFNOSUPPORT
# inside netns: EACCES
# seen: tcp 198.51.100.66:443
import socket

from attempt import device

# The bind fails, and yet it moves the socket to the device of its scope.
made = socket.socket(socket.AF_INET6)
made.settimeout(5)
made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
try:
    made.bind(("fe80::1", 0, 0, device("eth0")))
except OSError:
    pass
made.connect(("::ffff:198.51.100.66", 443))
