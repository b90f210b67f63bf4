# line: TIOCSTI/TIOCLINUX on the job tty
# control: works
# inside: EPERM
# victim: killed
import ctypes
import struct

from attempt import VICTIM, call

information = ctypes.create_string_buffer(struct.pack("iii", 9, 0, -1), 128)
call(129, VICTIM, 9, information)  # rt_sigqueueinfo(2), SI_QUEUE
