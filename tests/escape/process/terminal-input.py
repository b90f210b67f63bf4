# line: TIOCSTI/TIOCLINUX
# control: works
# inside: EPERM
# runs: around
import os
import pty
import sys

from run import words

# The job's terminal is the controlling one: whoever can push a character back there types into the job.
code = "import fcntl, sys\ntry:\n    fcntl.ioctl(open('/dev/tty', 'rb', buffering=0), 0x5412, b'x')\n    print('got in')\nexcept OSError as error: print('no terminal' if error.errno in (6, 13) else error)\ntry:\n    fcntl.ioctl(0, 0x5412, b'x')\n    print('got in')\nexcept OSError as error: print('no terminal' if error.errno == 25 else error)"
os.makedirs("w")
command = words(["/usr/bin/python3", "-c", code])
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
text = b""
while True:
    try:
        more = os.read(terminal, 4096)
    except OSError:
        break
    if not more:
        break
    text += more
os.waitpid(child, 0)
print(text.decode())
lines = [line.lstrip("x") for line in text.decode().split("\r\n")]
print("result: " + ("works" if lines.count("got in") == 2 else "EPERM" if "no terminal" in lines and any("Errno 1]" in line for line in lines) else "some"))
