# line: kernel without Landlock
# runs: around
# control: EPERM
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import NETNS, refused

print("result: " + refused(["unshare=EPERM"], "check(libc.unshare(0x40000000))", ["`network`", "namespaces cannot be made", "privileged"], policy=NETNS))
