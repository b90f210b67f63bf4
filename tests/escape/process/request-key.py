# line: bpf, perf_event_open, userfaultfd
# control: ENOKEY
# inside: EPERM
import ctypes

from attempt import call

call(249, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"made-up-absent"), 0, -2)
