# line: allowed name resolving to RFC1918
# control: 200
# inside: 403 network/address
# seen: tcp 10.77.0.3:443
# journal: network/address
from attempt import connect

connect("inner.example:443")
result = "200"
