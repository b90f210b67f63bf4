# line: trailing dot, upper case, double dot
# control: 200
# inside: 403 network/tunnel
# seen: tcp 198.51.100.66:443
# journal: network/tunnel
from attempt import connect

connect("EVIL.Example.:443")
result = "200"
