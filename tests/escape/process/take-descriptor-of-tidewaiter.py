# line: ptrace, process_vm_readv
# control: works
# inside: EPERM
import os

from attempt import VICTIM, call
from others import each

result = each(VICTIM, lambda pid: call(438, os.pidfd_open(pid), 0, 0))
