# line: TIOCSTI/TIOCLINUX
# control: works
# inside: EPERM
# victim: killed
import os
import signal

from attempt import VICTIM

os.kill(VICTIM, signal.SIGHUP)
