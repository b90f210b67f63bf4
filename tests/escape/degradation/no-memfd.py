# line: kernel without Landlock
# runs: around
# control: ENOSYS
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["memfd_create=ENOSYS"], "os.memfd_create('x')", ["`files`", "memory", "memfd_create(2)"]))
