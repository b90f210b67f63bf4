# line: plain HTTP absolute-form
# control: 200
# inside: 400 network/target
# seen: http allowed GET / evil.example
# journal: network/target
from attempt import send, verdict

result = verdict(send("GET http://allowed.example/ HTTP/1.1\r\nHost: evil.example\r\nTICKET\r\n\r\n"))
