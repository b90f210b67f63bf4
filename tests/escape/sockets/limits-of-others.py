# line: prlimit, setpriority
# control: works
# inside: EPERM
# victim: changed
import resource

from attempt import VICTIM

resource.prlimit(VICTIM, resource.RLIMIT_NOFILE, (64, 64))
