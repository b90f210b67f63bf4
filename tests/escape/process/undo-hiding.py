# line: TIOCSTI/TIOCLINUX on the job tty
# control: harmless
# inside: harmless
import os

from attempt import call

# PR_SET_DUMPABLE and PR_SET_PTRACER concern the caller alone.
call(157, 4, 1, 0, 0, 0)
try:
    call(157, 0x59616D61, os.getppid(), 0, 0, 0)
except OSError:
    pass
result = "harmless"
