# line: AF_VSOCK connect to CID 2
# control: works or EAFNOSUPPORT
# inside: EACCES
import socket

socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
