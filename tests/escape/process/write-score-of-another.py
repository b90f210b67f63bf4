# line: read /proc/1/{environ,mem,maps
# control: works
# inside: EACCES
from attempt import VICTIM

# Who the kernel kills first when memory is short.
with open("/proc/%d/oom_score_adj" % VICTIM, "w") as file:
    file.write("1000")
