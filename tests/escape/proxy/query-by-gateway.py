# line: DNS: TXT/NULL/subdomain-encoded query
# control: 200
# inside: 403 network/tunnel
# seen: tcp 203.0.113.53:53
# journal: network/tunnel
from attempt import connect

connect("203.0.113.53:53")
result = "200"
