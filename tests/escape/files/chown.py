# line: truncate, ftruncate, chmod, chown
# control: works
# inside: EPERM
# outside: changed
import os

from attempt import OUT

os.chown(OUT + "/file", 12345, 12345)
