# line: bpf, perf_event_open, userfaultfd
# control: works
# inside: ENOSYS
from attempt import call

call(71, call(68, 0, 0o1600), 0, 0)  # msgget(2), msgctl(2): IPC_RMID
