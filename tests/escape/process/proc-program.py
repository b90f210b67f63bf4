# line: read /proc/1/{environ,mem,maps
# control: works
# inside: EACCES
import os

from attempt import VICTIM

os.readlink("/proc/%d/exe" % VICTIM)
