# line: hardlink of outside file (EXDEV)
# control: works
# inside: EACCES
from attempt import OUT

open("/proc/self/root" + OUT + "/secret").read()
