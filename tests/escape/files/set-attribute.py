# line: truncate, ftruncate, chmod, chown
# control: works
# inside: works
# outside: changed
# residual: a uid of its own it can still set times and attributes of files that anyone may write.
import os

from attempt import OUT

os.setxattr(OUT + "/file", "user.planted", b"1")
