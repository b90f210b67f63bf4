# line: setuid binary
# control: works
# inside: none
# inside user: none, and a bounding set, not locked
# inside restricted: none, not locked
import ctypes

# The sets that could be used or handed on are empty, the bounding set too where we could empty it, and no_new_privs is set.
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
sets = [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")]
locked = ctypes.CDLL(None).prctl(27, 0, 0, 0, 0) == 0xef
bound = int(status["CapBnd"], 16)
left = "none" if not any(sets) and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" else "works"
result = left + (", and a bounding set" if bound else "") + ("" if locked else ", not locked") if left == "none" else left
