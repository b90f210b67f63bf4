# line: prlimit, setpriority
# control: works
# inside: EPERM
import os

from attempt import VICTIM

os.sched_setscheduler(VICTIM, os.SCHED_BATCH, os.sched_param(0))
