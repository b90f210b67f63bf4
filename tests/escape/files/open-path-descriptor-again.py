# line: openat2, name_to_handle_at
# control: works
# inside: EACCES
import os

from attempt import OUT

open("/proc/self/fd/%d" % os.open(OUT + "/secret", os.O_PATH)).read()
