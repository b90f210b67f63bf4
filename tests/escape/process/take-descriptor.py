# line: ptrace, process_vm_readv/writev
# control: works
# inside: EPERM
import os

from attempt import VICTIM, call

call(438, os.pidfd_open(VICTIM), 0, 0)  # pidfd_getfd(2)
