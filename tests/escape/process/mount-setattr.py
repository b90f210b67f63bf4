# line: unshare/clone/clone3
# control: EINVAL
# inside: EPERM
import ctypes

from attempt import call

words = (ctypes.c_uint64 * 4)(1, 0, 0, 0)
call(442, -100, b".", 0, words, ctypes.sizeof(words))
