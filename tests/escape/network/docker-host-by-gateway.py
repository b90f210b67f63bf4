# line: GitLab service container hostnames
# control: works
# inside: 403 network/tunnel
# seen: tcp 172.17.0.1:443
# journal: network/tunnel
from attempt import through

result = through("host.docker.internal:443", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
