# line: 169.254.169.254, fd00:ec2::254
# control: works
# inside: EAFNOSUPPORT
# inside netns: EACCES
# seen: tcp [fd00:ec2::254]:80
import socket

socket.create_connection(("fd00:ec2::254", 80), 5)
