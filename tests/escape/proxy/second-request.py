# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 200
# seen: http allowed GET http://allowed.example/second
from attempt import send, verdict

first = "GET http://allowed.example/first HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\n\r\n"
second = "GET http://allowed.example/second HTTP/1.1\r\nHost: evil.example\r\n\r\n"
result = verdict(send(first + second))
