# line: GitLab service container hostnames
# control: works
# inside: EACCES
# seen: tcp 10.77.0.3:5432; tcp 172.17.0.1:22; tcp 172.17.0.1:8443
import errno
import socket

# Every port that is open there, and the one that the gateway listens on.
from attempt import gateway

found = set()
for host in ("10.77.0.3", "172.17.0.1"):
    for port in (22, 53, 80, 443, 853, 5432, 8080, 8443):
        try:
            socket.create_connection((host, port), 5)
            found.add("works")
        except OSError as error:
            found.add(errno.errorcode.get(error.errno, "timed out"))
result = " ".join(sorted(found))
