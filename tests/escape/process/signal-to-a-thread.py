# line: TIOCSTI/TIOCLINUX
# control: works
# inside: EPERM
# victim: killed
from attempt import VICTIM, call

call(234, VICTIM, VICTIM, 9)  # tgkill
