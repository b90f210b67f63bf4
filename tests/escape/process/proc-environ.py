# line: read /proc/1/{environ,mem,maps
# control: works
# inside: EACCES
from attempt import VICTIM

open("/proc/%d/environ" % VICTIM, "rb").read()
