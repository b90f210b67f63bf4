# line: read /proc/1/{environ,mem,maps
# control: works
# inside: works
# residual: That the agent cannot learn of outside processes and files by their metadata: command lines in `/proc`, times, watches.
from attempt import VICTIM

assert open("/proc/%d/cmdline" % VICTIM).read().startswith("sleep")
