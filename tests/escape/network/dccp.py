# line: UDP-Lite (proto 136)
# control: works or ESOCKTNOSUPPORT
# inside: EACCES
import socket

socket.socket(socket.AF_INET, 6, 33)  # SOCK_DCCP, IPPROTO_DCCP
