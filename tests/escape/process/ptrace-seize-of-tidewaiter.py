# line: ptrace, process_vm_readv
# control: works
# inside: EPERM
from attempt import VICTIM, call
from others import each

# PTRACE_SEIZE: what is attached so does not stop, and is left when this process ends.
result = each(VICTIM, lambda pid: call(101, 0x4206, pid, 0, 0))
