# line: AF_VSOCK connect to CID 2
# control: works or EAFNOSUPPORT
# inside: EACCES
import socket

# Not connected to CID 2 in the run without walls: the hypervisor is no machine of ours.
socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
