# line: bpf, perf_event_open, userfaultfd
# control: EINVAL
# inside: EPERM
import ctypes

from attempt import call

call(170, ctypes.c_char_p(b""), -1)  # sethostname(2), with a length that changes nothing
