# line: prlimit, setpriority
# control: works
# inside: EPERM
import resource

from attempt import VICTIM

resource.prlimit(VICTIM, resource.RLIMIT_NOFILE)
