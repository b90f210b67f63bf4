# line: special files: mknod block/char
# control: works
# inside: EACCES
import os

os.mknod("device", 0o20666, os.makedev(1, 1))
