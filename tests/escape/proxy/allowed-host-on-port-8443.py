# line: allowed host on port 22/80/8443
# control: 200
# inside: 403 network/tunnel
# seen: tcp 203.0.113.10:8443
# journal: network/tunnel
from attempt import connect

connect("allowed.example:8443")
result = "200"
