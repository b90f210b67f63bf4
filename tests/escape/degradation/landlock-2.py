# line: kernel without Landlock
# runs: around
# control: 2
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import BROKER, abi

print("result: " + abi(2, BROKER, root="loopback", user="signals"))
