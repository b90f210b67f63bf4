# line: AF_VSOCK connect to CID 2
# control: EAFNOSUPPORT
# inside: EACCES
import socket

socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)
