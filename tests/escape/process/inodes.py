# line: fork bomb, memory, disk
# control: works
# inside: works
# residual: That the disk is bounded.
import os

# More files than open files or processes are granted.
for number in range(2000):
    os.close(os.open("empty-%d" % number, os.O_CREAT | os.O_WRONLY))
for number in range(2000):
    os.unlink("empty-%d" % number)
