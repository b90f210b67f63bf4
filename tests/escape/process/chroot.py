# line: unshare/clone/clone3
# control: works
# inside: EPERM
import os

os.chroot(".")
