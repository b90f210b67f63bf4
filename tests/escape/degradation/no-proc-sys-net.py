# line: kernel without Landlock
# runs: around
# control: ENOENT
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["hide=/proc/sys/net"], "open('/proc/sys/net/ipv4/ip_local_port_range')", ["`loopback`", "ip_local_port_range", "all of /proc"]))
