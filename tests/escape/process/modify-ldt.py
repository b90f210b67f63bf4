# line: bpf, perf_event_open, userfaultfd
# control: works or ENOSYS
# inside: EPERM
import ctypes

from attempt import call

call(154, 0, ctypes.create_string_buffer(16), 0)
