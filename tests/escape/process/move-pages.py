# line: bpf, perf_event_open, userfaultfd
# control: works or ENOSYS
# inside: EPERM
from attempt import VICTIM, call

call(279, VICTIM, 0, 0, 0, 0, 0)
