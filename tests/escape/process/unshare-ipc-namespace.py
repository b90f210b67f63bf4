# line: unshare/clone/clone3
# control: works
# inside: EPERM
from attempt import call

call(272, 0x08000000)  # unshare(2)
