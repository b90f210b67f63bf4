# line: kernel without Landlock
# runs: around
# control: ENOSYS
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["seccomp=ENOSYS"], "check(libc.syscall(317, 1, 8, None))", ["`network`", "seccomp filter with a listener", "Run it on Linux"]))
