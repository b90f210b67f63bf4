# line: allowed name resolving to RFC1918
# control: 200
# inside: 403 network/address
# seen: tcp 169.254.1.1:443
# journal: network/address
from attempt import connect

connect("linklocal.example:443")
result = "200"
