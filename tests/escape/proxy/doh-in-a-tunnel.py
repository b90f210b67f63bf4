# line: DNS: TXT/NULL/subdomain-encoded query
# control: works
# inside: works
# residual: What is asked for in a tunnel, names over HTTPS among it, goes to the host that the policy lists
# seen: http allowed GET /dns-query?dns=AAABAAABAAAAAAAABGV2aWwHZXhhbXBsZQAAAQAB allowed.example
from attempt import QUERY, https

result = "works" if https("allowed.example:443", "allowed.example", QUERY).startswith(b"HTTP/1.1 200") else "refused"
