# line: kernel without Landlock
# runs: around
# control: EPERM
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["landlock_restrict_self=EPERM"], "check(libc.syscall(446, -1, 0))", ["`files`", "Landlock domain", "landlock_restrict_self(2)"]))
