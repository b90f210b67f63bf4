# line: memfd_create + execve/execveat
# control: no result
# inside: EACCES
import os

from attempt import DIRECTORY

os.execv(DIRECTORY + "/bin/tidewaiter", ["tidewaiter", "--version"])
