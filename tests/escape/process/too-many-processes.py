# line: fork bomb, memory
# control: works
# inside: EAGAIN
import os
import signal
import time

# More than the policy's `process.limits.processes`.
children = []
try:
    for _ in range(600):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        children.append(child)
finally:
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
