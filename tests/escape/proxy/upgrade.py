# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 400 gateway/head
# seen: http allowed GET /upgrade
# journal: gateway/head
from attempt import send, verdict

result = verdict(send("GET http://allowed.example/upgrade HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"))
