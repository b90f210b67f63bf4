# line: IP literals: 127.1
# control: 200
# inside: 403 network/address
# seen: loopback 127.0.0.1:6379
# journal: network/address
from attempt import connect

connect("127.0.0.1:6379")
result = "200"
