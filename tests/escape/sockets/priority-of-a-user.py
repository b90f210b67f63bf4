# line: prlimit, setpriority
# control: ESRCH
# inside: EPERM
import os

from attempt import VICTIM

# 0 is the caller's own uid.
os.setpriority(os.PRIO_USER, 4242, 10)
