# line: read /proc/1/
# control: works
# inside: EACCES
import os

from attempt import VICTIM
from others import each

result = each(VICTIM, lambda pid: os.readlink("/proc/%d/cwd" % pid))
