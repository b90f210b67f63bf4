# line: proxy reached with no/foreign session token
# control: 200
# inside: 403 network/tunnel
# journal: network/tunnel
from attempt import connect, gateway

connect("127.0.0.1:%d" % gateway()[1])
result = "200"
