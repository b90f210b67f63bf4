# line: unshare/clone/clone3
# control: works
# inside: EPERM
import ctypes
import os

from attempt import call

os.mkdir("place")
call(165, ctypes.c_char_p(b"none"), ctypes.c_char_p(b"place"), ctypes.c_char_p(b"tmpfs"), 0, 0)
call(166, ctypes.c_char_p(b"place"), 0)
