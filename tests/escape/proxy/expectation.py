# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 417 gateway/head
# seen: http allowed POST /expect
# journal: gateway/head
from attempt import send, verdict

result = verdict(send("POST http://allowed.example/expect HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n"))
