# line: TIOCSTI/TIOCLINUX
# control: works
# inside: EPERM
import os

from attempt import VICTIM
from others import each

result = each(VICTIM, lambda pid: os.kill(pid, 0))
