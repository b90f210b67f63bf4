# line: setuid binary (su, sudo, newuidmap)
# control: works
# inside: EPERM
import os

os.setgroups([0])
