# line: kernel without Landlock
# runs: around
# control: 2
# inside: refused: run 125, doctor 65, job 65
# inside host: held
# timeout: 60
from degrade import NETNS, abi

print("result: " + abi(2, NETNS, root="network", user="signals"))
