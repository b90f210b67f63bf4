# line: kernel without Landlock
# runs: around
# control: EPERM
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["setsockopt/1=1/2=25=EPERM"], "socket.socket().setsockopt(1, 25, b'lo')", ["`network`", "making a socket", "SO_BINDTODEVICE"]))
