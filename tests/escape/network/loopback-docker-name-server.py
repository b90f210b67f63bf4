# line: connect (and fast-open send) to a service
# control: works
# inside: EACCES
# inside netns: ECONNREFUSED
# seen: loopback 127.0.0.11:53
import socket

socket.create_connection(("127.0.0.11", 53), 5)
