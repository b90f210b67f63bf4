# line: unshare/clone/clone3
# control: EINVAL
# inside: EPERM
import ctypes

from attempt import call

# Nothing is mounted there: the kernel looks, and says so.
call(166, ctypes.c_char_p(b"."), 2)
