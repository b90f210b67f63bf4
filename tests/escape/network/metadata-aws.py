# line: 169.254.169.254, fd00:ec2::254
# control: works
# inside: EACCES
# seen: tcp 169.254.169.254:80
import socket

socket.create_connection(("169.254.169.254", 80), 5)
