# line: CL/TE conflict, duplicate CL
# control: 101
# inside: 502 provider/upgrade
from attempt import send, verdict

result = verdict(send("GET http://allowed.example/switch HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\n\r\n"))
