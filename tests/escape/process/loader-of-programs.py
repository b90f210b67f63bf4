# line: memfd_create + execve
# control: works
# inside: Permission denied
import glob
import shutil
import subprocess

from attempt import OUT

# The loader maps a program whose file nobody may execute.
shutil.copyfile("/usr/bin/cat", "cat")
loader = (glob.glob("/lib64/ld-linux*") + glob.glob("/lib/ld-linux*"))[0]
done = subprocess.run([loader, "./cat", OUT + "/secret"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
result = "works" if done.returncode == 0 else done.stderr.decode().strip().rpartition(": ")[2]
