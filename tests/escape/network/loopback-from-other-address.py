# line: connect (and fast-open send) to a service
# control: works
# inside: EACCES
# inside netns: ECONNREFUSED
# seen: loopback 127.0.0.1:6379
import socket

socket.create_connection(("127.0.0.1", 6379), 5, source_address=("127.0.0.2", 0))
