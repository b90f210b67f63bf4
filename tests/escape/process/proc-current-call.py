# line: read /proc/1/{environ,mem,maps
# control: works
# inside: EACCES
# inside user restricted: EPERM
from attempt import VICTIM

open("/proc/%d/syscall" % VICTIM).read()
