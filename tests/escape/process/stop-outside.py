# line: kill -9 / SIGSTOP the supervisor
# control: works
# inside: EPERM
# victim: changed
import os
import signal

from attempt import VICTIM

os.kill(VICTIM, signal.SIGSTOP)
