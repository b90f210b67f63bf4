# line: plain HTTP absolute-form
# control: 200
# inside: 400 gateway/head
# seen: http allowed GET / evil.example
# journal: gateway/head
from attempt import send, verdict

result = verdict(send("GET http://allowed.example/ HTTP/1.1\r\nHost: allowed.example\r\nHost: evil.example\r\nTICKET\r\n\r\n"))
