# line: bind() brokered socket to container's eth0 address
# control: works
# inside: EACCES
# inside netns: EADDRNOTAVAIL
# seen: tcp 198.51.100.66:3128
import socket

from attempt import gateway

made = socket.socket()
made.settimeout(10)
made.bind(("10.77.0.2", 0))
made.connect(("198.51.100.66", gateway()[1]))
