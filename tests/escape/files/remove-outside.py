# line: write to PATH dirs, ld.so.preload
# control: works
# inside: EACCES
# outside: changed
import os

from attempt import OUT

os.unlink(OUT + "/file")
