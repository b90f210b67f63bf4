# line: IPv6 literal / NAT64
# control: works
# inside: EAFNOSUPPORT
# inside netns: EACCES
# seen: tcp [64:ff9b::c633:6442]:443
import socket

socket.create_connection(("64:ff9b::c633:6442", 443), 5)
