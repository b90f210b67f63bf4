# line: `allowed.example\0.evil`
# control: 200
# inside: 400 gateway/head
# seen: tcp 203.0.113.10:443
# journal: gateway/head
from attempt import connect

connect("allowed.example\0.evil.example:443")
result = "200"
