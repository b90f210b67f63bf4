# line: setuid binary (su, sudo, newuidmap)
# control: works
# inside: EPERM
import os

if os.geteuid() == 0:
    os.setegid(61000)
    os.seteuid(61000)
os.setuid(0)
