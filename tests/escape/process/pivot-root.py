# line: unshare/clone/clone3
# control: EBUSY or EINVAL
# inside: EPERM
import ctypes

from attempt import call

# The run without walls stands in no mount namespace where this could succeed: the kernel looks at it, and says so.
call(155, ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
