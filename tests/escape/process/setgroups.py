# line: setuid binary
# control: works
# inside: EPERM
import os

os.setgroups([0])
