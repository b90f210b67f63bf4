# line: unshare/clone/clone3
# control: works
# inside: EPERM
import os

from attempt import call

call(308, os.open("/proc/self/ns/net", os.O_RDONLY), 0x40000000)
