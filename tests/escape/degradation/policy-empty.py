# line: kernel without Landlock
# runs: around
# control: works
# inside: refused: run 125, doctor 64, job 64
# timeout: 60
from degrade import refused

print("result: " + refused([], "", ["version"], policy="version = 2\n"))
