# line: unshare/clone/clone3
# control: works
# inside: ENOSYS
import ctypes
import os
import signal

from attempt import call

# struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls.
words = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
child = call(435, words, ctypes.sizeof(words))
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
