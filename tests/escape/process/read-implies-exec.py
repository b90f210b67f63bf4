# line: bpf, perf_event_open
# control: works
# inside: EPERM
from attempt import call

call(135, 0x0400000)
