# line: Unicode: fullwidth
# control: 200
# inside: 400 gateway/head
# seen: tcp 198.51.100.66:443
# journal: gateway/head
from attempt import connect

connect("\uff45\uff56\uff49\uff4c.example:443")
result = "200"
