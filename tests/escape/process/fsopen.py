# line: unshare/clone/clone3
# control: works
# inside: EPERM
import ctypes

from attempt import call

call(430, ctypes.c_char_p(b"tmpfs"), 0)
