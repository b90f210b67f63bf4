# line: TIOCSTI/TIOCLINUX on the job tty
# control: works
# inside: EPERM
# victim: killed
import os
import signal

from attempt import VICTIM

signal.pidfd_send_signal(os.pidfd_open(VICTIM), signal.SIGKILL)
