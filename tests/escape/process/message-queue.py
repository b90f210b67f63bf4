# line: bpf, perf_event_open, userfaultfd
# control: works
# inside: ENOSYS
import ctypes

from attempt import call

call(240, ctypes.c_char_p(b"made-up"), 0o102, 0o600, 0)  # mq_open(2)
call(241, ctypes.c_char_p(b"made-up"))
