# line: setuid binary
# control: works
# inside: no gain
# runs: around
# places: host root
# why: only root can make such a program
import os
import shutil
import subprocess

from run import inside

# A copy of `id` that gives its user root's uid. It is not lent to the agent, or it would lose the bit.
os.makedirs("w")
shutil.copy("/usr/bin/id", "w/id")
os.chmod("w/id", 0o4755)
command = ["./id", "-u"]
control = lambda: subprocess.run(command, cwd="w", user=1000, group=1000, stdout=subprocess.PIPE).stdout.decode().strip()
answer = inside(command) if os.environ["WALLS"] == "on" else control()
print("result: " + ("works" if answer == "0" else "no gain" if answer.isdigit() else answer))
