# line: 169.254.169.254, fd00:ec2::254
# control: works
# inside: EACCES
# seen: tcp 100.100.100.200:80
import socket

socket.create_connection(("100.100.100.200", 80), 5)
