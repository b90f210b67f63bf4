# line: kill -9 / SIGSTOP the supervisor
# control: works
# inside: EPERM
import os
import signal

# Everyone above this probe and its runner: a signal that does nothing, for whoever may send it may send another.
def parent(pid):
    with open("/proc/%d/stat" % pid) as file:
        return int(file.read().rpartition(")")[2].split()[1])

os.kill(parent(os.getppid()), signal.SIGCONT)
