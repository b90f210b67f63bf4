# line: kernel without Landlock
# runs: around
# control: works
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused([], '', ['set TMPDIR'], TMPDIR="/nonexistent"))
