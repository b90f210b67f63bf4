# line: plain HTTP absolute-form
# control: 200
# inside: 400 network/target
# seen: tcp 198.51.100.66:443
# journal: network/target
from attempt import send, verdict

result = verdict(send("GET https://evil.example:443/ HTTP/1.1\r\nHost: evil.example\r\nTICKET\r\n\r\n"))
