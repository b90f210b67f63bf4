# line: prlimit, setpriority
# control: works
# inside: EPERM
from attempt import VICTIM, call

call(251, 1, VICTIM, 3 << 13)  # ioprio_set, idle
