# line: kill -9 / SIGSTOP the supervisor
# control: works
# inside: EPERM
# victim: killed
import os
import signal

from attempt import VICTIM

os.kill(VICTIM, signal.SIGKILL)
