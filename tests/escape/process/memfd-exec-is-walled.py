# line: memfd_create + execve
# control: works
# inside: Permission denied
import os
import subprocess

from attempt import OUT

# What is executed from memory is inside of the same walls.
with open("/usr/bin/cat", "rb") as program:
    memory = os.memfd_create("program", 0)
    os.write(memory, program.read())
done = subprocess.run(["/proc/self/fd/%d" % memory, OUT + "/secret"], pass_fds=[memory], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
result = "works" if done.returncode == 0 else done.stderr.decode().strip().rpartition(": ")[2]
