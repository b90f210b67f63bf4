# line: AF_VSOCK connect to CID 2
# control: EAFNOSUPPORT
# inside: EACCES
import socket

socket.socket(31, 3)  # AF_BLUETOOTH
