# line: IP literals: 127.1
# control: 200
# inside: 400 network/target
# seen: loopback 127.0.0.1:6379
# journal: network/target
from attempt import connect

connect("0177.0.0.1:6379")
result = "200"
