# line: unshare/clone/clone3
# control: works
# inside: EPERM
from attempt import call

call(272, 0x2000000)  # unshare
