# line: ptrace, process_vm_readv/writev
# control: works
# inside: EPERM
import os

from attempt import VICTIM, call

call(312, os.getpid(), VICTIM, 0, 0, 0)  # kcmp(2)
