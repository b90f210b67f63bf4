# line: memfd_create + execve/execveat
# control: exit 0
# inside: exit 1
import glob
import subprocess

from attempt import OUT

loader = glob.glob("/lib64/ld-linux-x86-64.so.2")[0]
done = subprocess.run([loader, "/bin/cat", OUT + "/secret"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
result = "exit %d" % done.returncode
