# line: setuid binary (su, sudo, newuidmap)
# control: not empty
# inside: empty
# inside user: not empty
with open("/proc/self/status") as file:
    lines = dict(line.split(":\t", 1) for line in file if ":\t" in line)
# Only root may empty it; elsewhere no_new_privs and the other four sets carry the promise.
result = "empty" if int(lines["CapBnd"], 16) == 0 else "not empty"
