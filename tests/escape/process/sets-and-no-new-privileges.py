# line: setuid binary (su, sudo, newuidmap)
# control: 0 1fffeffffff 1fffeffffff 0 0
# inside: 0 0 0 0 1
with open("/proc/self/status") as file:
    lines = dict(line.split(":\t", 1) for line in file if ":\t" in line)
names = ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs")
result = " ".join("%x" % int(lines[name].strip(), 16) for name in names)
