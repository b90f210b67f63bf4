# line: AF_VSOCK connect to CID 2
# control: works or EAFNOSUPPORT
# inside: EACCES
import socket

socket.socket(43, 1)  # AF_SMC
