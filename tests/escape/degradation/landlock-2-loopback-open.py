# line: kernel without Landlock
# runs: around
# control: 2
# inside: held
# inside user restricted: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import ANY, abi

print("result: " + abi(2, ANY, user="signals"))
