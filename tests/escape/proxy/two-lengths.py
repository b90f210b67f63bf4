# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 400 gateway/head
# seen: http allowed POST /lengths
# journal: gateway/head
from attempt import send, verdict

result = verdict(send("POST http://allowed.example/lengths HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello"))
