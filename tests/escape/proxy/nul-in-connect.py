# line: `allowed.example\0.evil`
# control: 200
# inside: 400 gateway/head
# seen: tcp 198.51.100.66:443
# journal: gateway/head
from attempt import connect

connect("evil.example\0.allowed.example:443")
result = "200"
