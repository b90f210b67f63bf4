# line: prlimit, setpriority
# control: works
# inside: EPERM
# victim: changed
import os

from attempt import VICTIM

os.setpriority(os.PRIO_PROCESS, VICTIM, 10)
