# line: truncate, ftruncate, chmod, chown
# control: works
# inside: EACCES
# outside: changed
import os

from attempt import OUT

os.truncate(OUT + "/file", 0)
