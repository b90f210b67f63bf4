# line: push to another project on the allowed GitLab host
# control: 200
# inside: 403 gateway/path
# seen: http allowed GET /gitlab/api/v4/projects/1/variables
# journal: gateway/path
from attempt import send, verdict

result = verdict(send("GET /gitlab/api/v4/projects/1/variables HTTP/1.1\r\nHost: gitlab.example\r\n\r\n"))
