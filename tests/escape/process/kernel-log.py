# line: bpf, perf_event_open, userfaultfd
# control: works
# inside: EPERM
from attempt import call

call(103, 10, 0, 0)  # syslog(2), SYSLOG_ACTION_SIZE_BUFFER
