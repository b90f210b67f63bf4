# line: memfd_create + execve/execveat
# control: exit 0
# inside: exit 1
import os
import shutil
import subprocess

from attempt import OUT

shutil.copy("/bin/cat", "cat")
done = subprocess.run(["./cat", OUT + "/secret"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
result = "exit %d" % done.returncode
