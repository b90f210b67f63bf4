# line: registry route: publish
# control: 200
# inside: 403 gateway/path
# seen: http allowed GET /go/evil.example/module/@v/list
# journal: gateway/path
from attempt import send, verdict

result = verdict(send("GET /go/evil.example/module/@v/list HTTP/1.1\r\nHost: allowed.example\r\n\r\n"))
