# line: DNS: TXT/NULL/subdomain-encoded query
# control: works
# inside: EACCES
# seen: tcp 203.0.113.53:53
import socket

socket.create_connection(("203.0.113.53", 53), 5)
