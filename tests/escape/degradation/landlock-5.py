# line: kernel without Landlock
# runs: around
# control: 5
# inside: held
# inside user restricted: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import BROKER, abi

print("result: " + abi(5, BROKER, user="signals"))
