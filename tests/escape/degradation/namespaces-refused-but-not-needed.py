# line: kernel without Landlock
# runs: around
# control: EPERM
# inside: held
# timeout: 60
from degrade import MARKER, WALLS, outside, prepare, tidewaiter
import os

less = ["unshare=EPERM"]
prepare("")
result = outside(less, "check(libc.unshare(0x40000000))")
if WALLS:
    code, _ = tidewaiter(less, ["run"], ["--", "touch", MARKER])
    result = "held" if code == 0 and os.path.exists(MARKER) else "run %d" % code
print("result: " + result)
