# line: kernel without Landlock
# runs: around
# control: left behind
# inside: emptied
# inside user restricted: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import ANY, bomb

print("result: " + bomb(1, ANY, user="signals"))
