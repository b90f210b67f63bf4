# line: connect to attacker IP on the *proxy's* port number
# control: works
# inside: EACCES
# seen: tcp 198.51.100.66:3128
import socket

from attempt import gateway

# Landlock allows this port, on any host: what holds it is the device that the socket is bound to.
socket.create_connection(("198.51.100.66", gateway()[1]), 10)
