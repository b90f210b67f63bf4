# line: fork bomb, memory, disk
# control: works
# inside: works
# residual: That the disk is bounded.
import os

# Each is as large as it may be; together they are more.
for number in range(3):
    with open("large-%d" % number, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 60 << 20)
for number in range(3):
    os.unlink("large-%d" % number)
