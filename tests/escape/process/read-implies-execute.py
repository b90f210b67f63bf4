# line: bpf, perf_event_open, userfaultfd
# control: works
# inside: EPERM
from attempt import call

call(135, 0x400000)  # personality(2), READ_IMPLIES_EXEC
