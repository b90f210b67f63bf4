# line: ptrace, process_vm_readv
# control: works
# inside: EPERM
from attempt import VICTIM
from others import each, memory

result = each(VICTIM, lambda pid: memory(310, pid))
