# line: bpf, perf_event_open
# control: works
# inside: ENOSYS
from attempt import call

call(71, call(68, 0, 0o1600), 0, None)  # msgget, and away with it
