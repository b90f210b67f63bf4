# line: prlimit, setpriority, sched_setaffinity
# control: works
# inside: EPERM
from attempt import VICTIM, call

call(251, 1, VICTIM, 3 << 13)  # ioprio_set(2), IOPRIO_WHO_PROCESS, idle
