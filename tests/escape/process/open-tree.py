# line: unshare/clone/clone3
# control: works
# inside: EPERM
from attempt import call

call(428, -100, b".", 1)  # OPEN_TREE_CLONE
