# line: AF_VSOCK connect to CID 2
# control: works or EAFNOSUPPORT
# inside: EACCES
import socket

socket.socket(21, 5)  # AF_RDS
