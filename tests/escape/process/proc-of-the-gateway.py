# line: read /proc/1/{environ,mem,maps
# control: works
# inside: EACCES
import os

from attempt import VICTIM

def words(pid):
    try:
        with open("/proc/%s/cmdline" % pid) as file:
            return file.read()
    except OSError:
        return ""

# The process that holds the provider's key, by its name; without walls there is none, and the process outside stands for it.
found = [pid for pid in os.listdir("/proc") if pid.isdigit() and words(pid).startswith("tidewaiter-gateway")] or [VICTIM]
open("/proc/%s/environ" % found[0], "rb").read()
