# line: IPv6 literal / NAT64
# control: works
# inside: EAFNOSUPPORT
# inside netns: EACCES
# seen: tcp [2001:db8:66::66]:443
import socket

socket.create_connection(("2001:db8:66::66", 443), 5)
