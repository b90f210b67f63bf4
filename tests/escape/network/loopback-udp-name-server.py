# line: connect (and fast-open send) to a service
# control: works
# inside: EACCES
# inside netns: ECONNREFUSED
# seen: loopback 127.0.0.11:53
import socket
import time

# A connected socket hears of it where nobody listens.
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
made.connect(("127.0.0.11", 53))
made.send(b"question")
time.sleep(0.1)
made.send(b"question")
