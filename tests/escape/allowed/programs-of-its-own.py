# line: what plain work needs
# control: works
import os
import shutil
import subprocess

# Builds write programs and run them, from memory too.
shutil.copy("/usr/bin/true", "true")
subprocess.run(["./true"], check=True)
memory = os.memfd_create("program", 0)
os.write(memory, open("/usr/bin/true", "rb").read())
subprocess.run(["/proc/self/fd/%d" % memory], pass_fds=[memory], check=True)
