# line: special files: mknod block/char
# control: works
# inside: EFBIG
import os
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open("huge", "w") as file:
    os.ftruncate(file.fileno(), 1 << 40)
os.unlink("huge")
