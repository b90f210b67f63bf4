# line: prlimit, setpriority
# control: works
# inside: EPERM
# victim: changed
import os

from attempt import VICTIM

os.sched_setaffinity(VICTIM, {0})
