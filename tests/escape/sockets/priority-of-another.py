# line: prlimit, setpriority, sched_setaffinity
# control: works
# inside: EPERM
# victim: changed
import os

from attempt import VICTIM

was = os.getpriority(os.PRIO_PROCESS, VICTIM)
os.setpriority(os.PRIO_PROCESS, VICTIM, 18 if was == 19 else 19)
