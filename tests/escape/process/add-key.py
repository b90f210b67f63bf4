# line: bpf, perf_event_open, userfaultfd
# control: works
# inside: EPERM
import ctypes

from attempt import call

call(248, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"made-up"), ctypes.c_char_p(b"x"), 1, -2)
