# line: ping socket SOCK_DGRAM/ICMP
# control: works
# inside: EACCES
import socket

socket.socket(44, socket.SOCK_RAW)  # AF_XDP
