# line: TIOCSTI/TIOCLINUX
# control: works
# inside: EPERM
import os
import signal

from attempt import VICTIM

os.kill(VICTIM, signal.SIGCONT)
