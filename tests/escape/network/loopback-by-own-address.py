# line: connect (and fast-open send) to a service
# control: works ConnectionRefusedError
# inside: PermissionError PermissionError
# inside netns: ConnectionRefusedError ConnectionRefusedError
# seen: loopback 127.0.0.1:6379
import socket

# The address of eth0 is reached through lo as well, and so is 0.0.0.0.
errors = []
for address in ("0.0.0.0", "127.1.2.3"):
    try:
        socket.create_connection((address, 6379), 5)
        errors.append("works")
    except OSError as error:
        errors.append(type(error).__name__)
result = " ".join(errors)
