# line: TIOCSTI/TIOCLINUX on the job tty
# control: works
# inside: EPERM
# victim: killed
from attempt import VICTIM, call

call(234, VICTIM, VICTIM, 9)  # tgkill(2)
