# line: fork bomb, memory, disk
# control: others
# inside: as the policy says
import resource

# The hard limits are the policy's, and no process dumps its memory.
hard = [resource.getrlimit(which)[1] for which in (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)]
result = "as the policy says" if hard == [512, 512, 0] else "others"
