# line: ptrace, process_vm_readv/writev
# control: works
# inside: EPERM
from attempt import VICTIM, call

call(101, 16, VICTIM, 0, 0)  # PTRACE_ATTACH
