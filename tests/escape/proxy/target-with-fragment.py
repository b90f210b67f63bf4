# line: trailing dot, upper case, double dot
# control: 200
# inside: 400 network/target
# seen: tcp 198.51.100.66:443
# journal: network/target
from attempt import connect

connect("evil.example#.allowed.example:443")
result = "200"
