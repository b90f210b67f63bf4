# line: reopen `/proc/self/fd/0`
# control: works
# inside: not reached
# runs: around
import os
import subprocess

from run import words

# A shell reads its script from a pipe, as a runner's does, and the agent has the reading end.
code = "import os\ntry:\n    pipe = os.open('/proc/self/fd/0', os.O_WRONLY | os.O_NONBLOCK)\n    os.write(pipe, b'echo in > planted\\n')\nexcept OSError as error: print(error)"
os.makedirs("w")
script = os.path.realpath("w/attempt.py")
with open(script, "w") as file:
    file.write(code)
line = " ".join(words(["/usr/bin/python3", script], "--stdin=forward")) + "\nsleep 0.3\n"
shell = subprocess.Popen(["/bin/sh"], cwd="w", stdin=subprocess.PIPE)
shell.stdin.write(line.encode())
shell.stdin.flush()
import time
time.sleep(3 if os.environ["WALLS"] == "on" else 1)
shell.stdin.close()
shell.wait()
print("result: " + ("works" if os.path.exists("w/planted") else "not reached"))
