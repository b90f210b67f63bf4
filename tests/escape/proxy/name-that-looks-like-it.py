# line: Unicode: fullwidth
# control: 200
# inside: 403 network/tunnel
# seen: tcp 198.51.100.66:443
# journal: network/tunnel
from attempt import connect

# What a Cyrillic first letter makes of an allowed name.
connect("xn--llowed-8ve.example:443")
result = "200"
