# line: bpf, perf_event_open
# control: works
# inside: ENOSYS
from attempt import call

call(447, 0)  # memfd_secret
