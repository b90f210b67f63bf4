# line: bpf, perf_event_open, userfaultfd
# control: ENOSYS
# inside: ENOSYS
from attempt import call

call(1000)
