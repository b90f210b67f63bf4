# line: setuid binary
# control: works
# inside: EPERM
from attempt import call

call(157, 28, 0x2f, 0, 0, 0)  # PR_SET_SECUREBITS, not locked
