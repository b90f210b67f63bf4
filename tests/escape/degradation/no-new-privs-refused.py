# line: kernel without Landlock
# runs: around
# control: EINVAL
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["prctl/0=38=EINVAL"], "check(libc.prctl(38, 1, 0, 0, 0))", ["`files`", "no_new_privs", "prctl(2)"]))
