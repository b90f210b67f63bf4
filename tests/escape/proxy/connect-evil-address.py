# line: CONNECT evil.example:443
# control: 200
# inside: 403 network/tunnel
# seen: tcp 198.51.100.66:443
# journal: network/tunnel
from attempt import https, verdict

result = verdict(https("198.51.100.66:443", "allowed.example"))
