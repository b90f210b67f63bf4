# line: proxy reached with no/foreign session token
# control: 200
# inside: 403 gateway/path
# seen: http allowed GET /admin/policy
# journal: gateway/path
from attempt import send, verdict

result = verdict(send("GET /admin/policy HTTP/1.1\r\nHost: 127.0.0.1\r\nTICKET\r\n\r\n"))
