# line: what plain work needs
# control: 200
# seen: http allowed GET /plain allowed.example
from attempt import send, verdict

result = verdict(send("GET http://allowed.example/plain HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\nConnection: close\r\n\r\n"))
