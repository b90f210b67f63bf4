# line: bpf, perf_event_open, userfaultfd
# control: works or ENOSYS
# inside: EPERM
import ctypes
import struct

from attempt import call

call(321, 0, ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 4, 1), 128), 128)  # BPF_MAP_CREATE, an array
