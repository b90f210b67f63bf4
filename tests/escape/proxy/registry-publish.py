# line: registry route: publish
# control: 200
# inside: 403 gateway/path
# seen: http allowed PUT /npm/made-up
# journal: gateway/path
from attempt import send, verdict

result = verdict(send("PUT /npm/made-up HTTP/1.1\r\nHost: allowed.example\r\nAuthorization: Bearer own-token\r\nContent-Length: 2\r\n\r\n{}"))
