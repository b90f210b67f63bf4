# line: SCM_RIGHTS over an allowed
# control: works
# inside: pipes
# runs: around
import os
import subprocess

from run import words

# Whoever has no descriptor that leads out, and reaches no socket outside, is given none.
os.makedirs("w")
os.dup2(os.open("/", os.O_RDONLY), 9, inheritable=True)
code = "import os, stat\nheld = {number: os.fstat(int(number)).st_mode for number in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + number)}\nprint('pipes' if sorted(held) == ['0', '1', '2'] and all(map(stat.S_ISFIFO, held.values())) else 'works')"
done = subprocess.run(words(["/usr/bin/python3", "-c", code]), cwd="w", close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
print("result: " + done.stdout.decode().strip())
