# line: GitLab service container hostnames
# control: works
# inside: 403 network/tunnel
# seen: tcp 10.77.0.3:5432
# journal: network/tunnel
from attempt import through

result = through("postgres:5432", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
