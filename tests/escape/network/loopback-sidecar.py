# line: connect (and fast-open send) to a service
# control: works
# inside: EACCES
# inside netns: ECONNREFUSED
# seen: loopback 127.0.0.1:15020
import socket

socket.create_connection(("127.0.0.1", 15020), 5)
