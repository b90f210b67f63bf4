# line: TIOCSTI/TIOCLINUX
# control: works
# inside: EPERM
# victim: killed
import ctypes

from attempt import VICTIM, call

# siginfo_t: the signal, no error, SI_QUEUE.
call(129, VICTIM, 15, (ctypes.c_int32 * 32)(15, 0, -1))
