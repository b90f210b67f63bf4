# line: setuid binary (su, sudo, newuidmap)
# control: root
# inside: own uid
import os
import subprocess

# The run without walls takes another uid first; then the program's set-uid bit gives root.
if os.geteuid() == 0:
    os.setgroups([])
    os.setresuid(61000, 61000, 61000)
own = os.geteuid()
process = subprocess.Popen(["/usr/bin/su", "root", "-c", "true"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
result = "not seen"
while process.poll() is None:
    with open("/proc/%d/status" % process.pid) as file:
        lines = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    if lines["Name"] == "su":
        result = "root" if lines["Uid"].split()[1] == "0" else "own uid" if int(lines["Uid"].split()[1]) == own else "another uid"
        process.stdin.close()
        break
process.wait()
