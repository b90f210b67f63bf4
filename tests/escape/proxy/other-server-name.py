# line: CONNECT allowed:443 then SNI=evil
# control: 200
# inside: closed
# seen: tls allowed evil.example
# journal: network/sni
from attempt import https, verdict

result = verdict(https("allowed.example:443", "evil.example"))
