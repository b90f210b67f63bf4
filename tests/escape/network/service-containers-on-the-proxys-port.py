# line: GitLab service container hostnames
# control: works
# inside: EACCES
# seen: tcp 172.17.0.1:3128
import socket

from attempt import gateway

socket.create_connection(("172.17.0.1", gateway()[1]), 10)
