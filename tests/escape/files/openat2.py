# line: openat2, name_to_handle_at
# control: works
# inside: EACCES
import ctypes
import struct

from attempt import OUT, call

how = struct.pack("QQQ", 0, 0, 0)
call(437, -100, ctypes.c_char_p((OUT + "/secret").encode()), ctypes.c_char_p(how), len(how))
