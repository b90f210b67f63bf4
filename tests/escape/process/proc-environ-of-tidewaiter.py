# line: read /proc/1/
# control: works
# inside: EACCES
from attempt import VICTIM
from others import each

result = each(VICTIM, lambda pid: open("/proc/%d/environ" % pid).read(1))
