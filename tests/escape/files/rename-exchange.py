# line: hardlink of outside file (EXDEV)
# control: works
# inside: EACCES
# outside: changed
import ctypes

from attempt import OUT, call

open("own", "w").write("inside")
call(316, -100, ctypes.c_char_p((OUT + "/file").encode()), -100, ctypes.c_char_p(b"own"), 2)  # RENAME_EXCHANGE
