# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 400 gateway/head
# seen: http allowed GET
# journal: gateway/head
from attempt import send, verdict

result = verdict(send("GET http://allowed.example/bare HTTP/1.1\nHost: allowed.example\nTICKET\r\nX: y\r\n\r\n"))
