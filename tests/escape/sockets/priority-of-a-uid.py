# line: prlimit, setpriority, sched_setaffinity
# control: ESRCH
# inside: EPERM
import os

# Of everyone of a uid; there is nobody of this one.
os.setpriority(os.PRIO_USER, 4242424, 0)
