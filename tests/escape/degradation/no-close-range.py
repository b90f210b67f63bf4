# line: kernel without Landlock
# runs: around
# control: ENOSYS
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["close_range=ENOSYS"], "check(libc.syscall(436, 4294967295, 4294967295, 4))", ["`files`", "closing descriptors", "close_range(2)"]))
