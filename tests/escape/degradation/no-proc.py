# line: kernel without Landlock
# runs: around
# control: ENOENT
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["hide=/proc"], "os.stat('/proc/self/exe')", ["`files`", "/proc/self/exe", "Mount proc"]))
