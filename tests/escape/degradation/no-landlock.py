# line: kernel without Landlock
# runs: around
# control: ENOSYS
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["landlock_create_ruleset=ENOSYS"], "check(libc.syscall(444, None, 0, 1))", ["`files`", "no Landlock", "Run it on Linux"]))
