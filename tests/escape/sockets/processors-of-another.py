# line: prlimit, setpriority, sched_setaffinity
# control: works
# inside: EPERM
import os

from attempt import VICTIM

os.sched_setaffinity(VICTIM, {0})
