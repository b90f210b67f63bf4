# line: SCM_RIGHTS over an allowed socket
# control: streams alone
# inside: streams alone
import os

# Everything that is open: streams, and what this probe's own interpreter opened.
result = "more" if [number for number in os.listdir("/proc/self/fd") if int(number) > 3] else "streams alone"
