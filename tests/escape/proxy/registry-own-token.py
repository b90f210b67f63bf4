# line: registry route: publish
# control: 200
# inside: 401 gateway/ticket
# seen: http allowed GET /registry/npm/made-up
# journal: gateway/ticket
from attempt import send, verdict

result = verdict(send("GET /registry/npm/made-up HTTP/1.1\r\nHost: allowed.example\r\nAuthorization: Bearer npm_own_token\r\n\r\n"))
