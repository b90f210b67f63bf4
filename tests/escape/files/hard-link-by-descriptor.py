# line: hardlink of outside file (EXDEV)
# control: works
# inside: EXDEV
# outside: changed
import ctypes
import os

from attempt import OUT, call

# linkat(2) with AT_EMPTY_PATH, through /proc where that needs a capability.
opened = os.open(OUT + "/secret", os.O_PATH)
call(265, -100, ctypes.c_char_p(b"/proc/self/fd/%d" % opened), -100, ctypes.c_char_p(b"hard"), 0x400)
