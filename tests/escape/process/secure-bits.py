# line: setuid binary (su, sudo, newuidmap)
# control: 0
# inside: ef
# inside user restricted: 0
from attempt import libc

# SECBIT_NOROOT, SECBIT_NO_SETUID_FIXUP, SECBIT_NO_CAP_AMBIENT_RAISE, each with its lock.
result = "%x" % libc.prctl(27)
