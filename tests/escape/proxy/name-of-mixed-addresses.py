# line: allowed name resolving to RFC1918
# control: 200
# inside: 403 network/address
# journal: network/address
# seen: tcp 203.0.113.10:443
from attempt import connect

# One of its addresses is the metadata service's: none of them is dialled.
connect("mixed.example:443")
result = "200"
