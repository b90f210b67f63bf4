# line: setuid binary
# control: works
# inside: EPERM
import ctypes

from attempt import call

# CAP_KILL, effective and permitted.
head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(1 << 5, 1 << 5, 0, 0, 0, 0)
call(126, head, data)
