# line: DNS: TXT/NULL/subdomain-encoded query
# control: works
# inside: EACCES
# seen: tcp 198.51.100.66:443
import socket

from attempt import QUERY, https

# Whatever a listed host answers, nobody inside reaches an address by it.
assert https("allowed.example:443", "allowed.example", QUERY).startswith(b"HTTP/1.1 200")
socket.create_connection(("198.51.100.66", 443), 5)
