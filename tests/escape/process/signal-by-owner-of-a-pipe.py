# line: TIOCSTI/TIOCLINUX on the job tty
# control: asked
# inside: asked
# victim: killed
import fcntl
import os
import time

from attempt import VICTIM

# The owner of a descriptor gets SIGIO when there is something to read; that kills who does not expect it.
reader, writer = os.pipe()
fcntl.fcntl(reader, fcntl.F_SETOWN, VICTIM)
fcntl.fcntl(reader, fcntl.F_SETFL, fcntl.fcntl(reader, fcntl.F_GETFL) | os.O_ASYNC)
os.write(writer, b"x")
time.sleep(0.2)
result = "asked"
