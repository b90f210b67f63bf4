# line: truncate, ftruncate, chmod, chown
# control: works
# inside: EACCES
# outside: changed
import os

from attempt import OUT

os.ftruncate(os.open(OUT + "/file", os.O_WRONLY), 0)
