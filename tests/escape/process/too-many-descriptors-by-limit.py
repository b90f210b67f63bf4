# line: fork bomb, memory
# control: works
# inside: ValueError
import resource

# The limit cannot be lifted again.
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (1500, 1500))
except ValueError:
    result = "ValueError"
