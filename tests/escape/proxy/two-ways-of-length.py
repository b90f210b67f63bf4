# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 400 gateway/head
# seen: http allowed POST /both
# journal: gateway/head
from attempt import send, verdict

result = verdict(send("POST http://allowed.example/both HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
