# line: unshare/clone/clone3
# control: works
# inside: EPERM
import os
import signal

from attempt import call

child = call(56, 0x40000000 | signal.SIGCHLD, 0, 0, 0, 0)  # clone
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
