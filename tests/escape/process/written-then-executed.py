# line: memfd_create + execve
# control: works
# inside: Permission denied
import shutil
import subprocess

from attempt import OUT

shutil.copy("/usr/bin/cat", "cat")
done = subprocess.run(["./cat", OUT + "/secret"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
result = "works" if done.returncode == 0 else done.stderr.decode().strip().rpartition(": ")[2]
