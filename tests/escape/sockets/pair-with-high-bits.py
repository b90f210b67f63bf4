# line: `socketpair(AF_UNIX, SOCK_DGRAM)`
# control: works
# inside: EPERM
from attempt import call, libc
import ctypes

# The kernel reads 32 bits of each argument; a filter that compares 64 is walked past.
call(53, 1 << 32 | 1, 1 << 32 | 2, 0, (ctypes.c_int * 2)())
