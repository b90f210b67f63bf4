# line: bpf, perf_event_open, userfaultfd
# control: works or ENOENT
# inside: EPERM
import ctypes
import struct

from attempt import call

call(298, ctypes.create_string_buffer(struct.pack("IIQ", 1, 128, 1), 128), 0, -1, -1, 0)
