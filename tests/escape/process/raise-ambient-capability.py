# line: setuid binary (su, sudo, newuidmap)
# control: EPERM
# inside: EPERM
from attempt import call

call(157, 47, 2, 13, 0, 0)  # prctl(2), PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW
