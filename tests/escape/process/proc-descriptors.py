# line: read /proc/1/{environ,mem,maps
# control: works
# inside: EACCES
import os

from attempt import VICTIM

os.open("/proc/%d/fd/0" % VICTIM, os.O_RDONLY)
