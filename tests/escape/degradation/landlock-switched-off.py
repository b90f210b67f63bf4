# line: kernel without Landlock
# runs: around
# control: ENOTSUP
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["landlock=0"], "check(libc.syscall(444, None, 0, 1))", ["`files`", "no Landlock", "lsm="]))
