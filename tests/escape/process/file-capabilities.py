# line: setuid binary
# control: works
# inside: EPERM
# runs: around
# places: host root
# why: only root can make such a program
import os
import shutil
import struct
import subprocess

from run import inside

# A copy of Python with CAP_KILL in its file: struct vfs_cap_data, version 2, effective.
os.makedirs("w")
shutil.copy("/usr/bin/python3", "w/python")
os.setxattr("w/python", "security.capability", struct.pack("<5I", 0x02000001, 1 << 5, 0, 0, 0))
code = "print([line for line in open('/proc/self/status') if line.startswith('CapEff')][0].split()[1])"
command = ["./python", "-c", code]
if os.environ["WALLS"] == "on":
    answer = inside(command)
else:
    answer = subprocess.run(command, cwd="w", user=1000, group=1000, stdout=subprocess.PIPE).stdout.decode().strip()
# With no_new_privs the kernel executes it without what its file says.
print("result: " + ("EPERM" if answer == "0" * 16 else "works" if answer.strip("0") else answer))
