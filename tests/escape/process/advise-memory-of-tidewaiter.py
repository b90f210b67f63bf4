# line: ptrace, process_vm_readv
# control: works
# inside: EPERM
from attempt import VICTIM
from others import advise, each

result = each(VICTIM, advise)
