# line: setuid binary
# control: works
# inside: EPERM
import os

os.setuid(0)
