# line: special files: mknod block/char
# control: works
# inside: EACCES
# outside: changed
import os

from attempt import OUT

os.mkfifo(OUT + "/fifo")
