# line: kernel without Landlock
# runs: around
# control: EADDRINUSE
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["bind=EADDRINUSE"], "socket.socket().bind(('127.0.0.1', 0))", ["`loopback`", "finding ports on loopback", "end what holds its ports"]))
