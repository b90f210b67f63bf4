# line: hardlink of outside file (EXDEV)
# control: works
# inside: EPERM
import ctypes

from attempt import call

open("mounted", "w").close()
call(165, ctypes.c_char_p(b"/proc/self/root/etc/passwd"), ctypes.c_char_p(b"mounted"), 0, 4096, 0)  # mount(2), MS_BIND
call(166, ctypes.c_char_p(b"mounted"), 2)
