# line: memfd_create + execve/execveat
# control: exit 0
# inside: exit 1
import ctypes
import os

from attempt import OUT, call

# A program in anonymous memory runs, as the policy lets it, and stands inside of the same walls.
memory = os.memfd_create("program", 0)
with open("/bin/cat", "rb") as program:
    os.write(memory, program.read())
child = os.fork()
if child == 0:
    os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
    words = (ctypes.c_char_p * 3)(b"cat", (OUT + "/secret").encode(), None)
    call(322, memory, ctypes.c_char_p(b""), words, (ctypes.c_char_p * 1)(None), 0x1000)  # execveat(2), AT_EMPTY_PATH
result = "exit %d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
