# line: special files: mknod block/char
# control: works
# inside: EACCES
import os

# A character device 0:0 needs no capability, and hides a name in an overlay.
os.mknod("device", 0o20666, os.makedev(0, 0))
