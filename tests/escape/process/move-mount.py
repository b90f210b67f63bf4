# line: unshare/clone/clone3
# control: EINVAL
# inside: EPERM
import ctypes

from attempt import call

call(429, -100, ctypes.c_char_p(b"."), -100, ctypes.c_char_p(b"."), 0)
