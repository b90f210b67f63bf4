# line: special files: mknod block/char
# control: works
# inside: EACCES
import os

os.mknod("device", 0o60666, os.makedev(8, 0))
