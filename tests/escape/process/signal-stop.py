# line: TIOCSTI/TIOCLINUX
# control: works
# inside: EPERM
# victim: changed
import os
import signal

from attempt import VICTIM

os.kill(VICTIM, signal.SIGSTOP)
