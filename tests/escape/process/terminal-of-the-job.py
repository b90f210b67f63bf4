# line: TIOCSTI/TIOCLINUX on the job tty
# control: refused works
# inside: refused
# runs: around
import os
import pty
import subprocess
import sys
import time

# A job with a terminal: the command inside types into whatever it can find of it.
script = """
import fcntl, os, termios
found = set()
for name in (0, 1, 2, "/dev/tty", %r):
    try:
        opened = name if isinstance(name, int) else os.open(name, os.O_RDWR)
        fcntl.ioctl(opened, termios.TIOCSTI, b"x")
        found.add("works")
    except OSError as error:
        found.add("refused")
print("found:", *sorted(found))
"""
main, terminal = pty.openpty()
command = [os.environ["TIDEWAITER"], "run", "--policy", os.environ["PLAIN"], "--"] if os.environ["WALLS"] == "on" else []
child = subprocess.Popen(command + ["/usr/bin/python3", "-c", script % os.ttyname(terminal)], stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True)
os.close(terminal)
text = b""
while b"found:" not in text or not text.endswith(b"\n"):
    try:
        text += os.read(main, 4096)
    except OSError:
        break
child.wait()
print(text.decode())
print("result:", text.decode().partition("found: ")[2].strip())
