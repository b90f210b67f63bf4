# line: read /proc/1/{environ,mem,maps
# control: works
# inside: EACCES
# inside user restricted: works
# residual: That the agent cannot learn of outside processes and files by their metadata: command lines in `/proc`, times, watches.
import os

from attempt import VICTIM

# Their numbers alone; what they are is told by none of them.
os.listdir("/proc/%d/fd" % VICTIM)
