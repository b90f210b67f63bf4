# line: bpf, perf_event_open, userfaultfd
# control: works
# inside: EPERM
import ctypes
import os
import struct

from attempt import call

reader, writer = os.pipe()
page = ctypes.create_string_buffer(16)
call(278, writer, ctypes.c_char_p(struct.pack("QQ", ctypes.addressof(page), 16)), 1, 0)
