# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 400 gateway/head
# seen: http allowed GET /folded
# journal: gateway/head
from attempt import send, verdict

result = verdict(send("GET http://allowed.example/folded HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\nX: y\r\n folded: z\r\n\r\n"))
