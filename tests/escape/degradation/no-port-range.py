# line: kernel without Landlock
# runs: around
# control: ENOPROTOOPT
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["setsockopt/1=0/2=51=ENOPROTOOPT"], "socket.socket().setsockopt(0, 51, 0)", ["`loopback`", "finding ports", "Run it on Linux", "loopback = "]))
