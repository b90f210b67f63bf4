# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 200
# seen: http allowed CONNECT evil.example:443
from attempt import send, verdict

first = "GET http://allowed.example/first HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\n\r\n"
result = verdict(send(first + "CONNECT evil.example:443 HTTP/1.1\r\nTICKET\r\n\r\n"))
