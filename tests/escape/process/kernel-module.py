# line: bpf, perf_event_open, userfaultfd
# control: EPERM or ENOSYS
# inside: EPERM
import ctypes

from attempt import call

call(175, ctypes.c_char_p(b"x"), 1, ctypes.c_char_p(b""))  # init_module(2)
