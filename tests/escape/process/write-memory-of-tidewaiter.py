# line: ptrace, process_vm_readv
# control: works
# inside: EPERM
from attempt import VICTIM
from others import each, memory

# Writes what stands there.
result = each(VICTIM, lambda pid: memory(311, pid))
