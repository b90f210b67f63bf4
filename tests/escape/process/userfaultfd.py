# line: bpf, perf_event_open, userfaultfd
# control: works or ENOSYS
# inside: EPERM
from attempt import call

call(323, 1)
