"""Measures how fast the gate looks for secrets: secrets.py PROGRAM PEERS FOLDER.

PROGRAM is the example `secrets` (benches/secrets.rs), PEERS where peers.sh installs, FOLDER holds sources to look through: of
what is there about 200 MB are copied into the present directory. Everything runs on one processor, without a network, and the
peers without validating what they find; each is run three times and the fastest counts, in time of the processor. The peers'
figures hold their start and their reading of the files; ours are of the search alone.
"""

import os
import shutil
import subprocess
import sys

PROGRAM, PEERS, FOLDER = sys.argv[1:]
SIZE = 200 << 20
LEAST = 150
# Kingfisher says by 200 that it found something, and by 205 that it is valid.
FOUND = (0, 200, 205)
MOST = 150


def copied():
    """Whole folders, in the order of their names, until there is enough."""
    size = 0
    for name in sorted(os.listdir(FOLDER)):
        shutil.copytree(f"{FOLDER}/{name}", f"sources/{name}", symlinks=True)
        for place, _, files in os.walk(f"sources/{name}"):
            size += sum(os.lstat(f"{place}/{file}").st_size for file in files)
        if size >= SIZE:
            break
    return size / (1 << 20)


def run(command):
    """Seconds of the processor's time, MiB of memory at most, and what was printed."""
    fence = ["unshare", "--net", "--"] if os.geteuid() == 0 else ["unshare", "--user", "--net", "--"]
    best, peak, said = float("inf"), 0, ""
    for _ in range(3):
        process = subprocess.Popen(["taskset", "-c", "0", *fence, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status) not in FOUND:
            return None, 0, ""
        best, peak = min(best, used.ru_utime + used.ru_stime), max(peak, used.ru_maxrss / 1024)
    return best, peak, said


def figure(said, before, after):
    return float(said.split(before)[1].split(after)[0])


mib = copied()
print(f"looking for secrets in {mib:.0f} MiB of sources, on one processor, MiB a second of its time")
print(f"{'':40}{'MiB/s':>8}{'memory, MiB':>14}")
seconds, peak, said = run([PROGRAM, "sources", "--once"])
own, behind = figure(said, "form: ", " MiB/s"), figure(said, "well: ", " MiB/s")
missed = own < LEAST or peak > MOST
mark = " !" if missed else ""
print(f"{'tidewaiter, by their form':40}{own:8.0f}{peak:14.0f}   >= {LEAST} MiB/s, <= {MOST} MiB{mark}")
print(f"{'tidewaiter, behind encodings as well':40}{behind:8.0f}{peak:14.0f}")
for name, options in [
    ("kingfisher", ["scan", "sources", "--no-validate", "--no-update-check", "--jobs", "1", "--git-history", "none", "--redact", "--no-ignore", "--quiet", "--format", "json"]),
    ("betterleaks", ["auto", "sources", "--jobs", "1", "--redact", "--exit-code", "0"]),
]:
    program = f"{PEERS}/python/bin/{name}"
    if not os.path.exists(program):
        print(f"NOT RUN: {name} is not installed (benches/peers.sh)")
        continue
    seconds, peak, _ = run([program, *options])
    if seconds is None:
        print(f"NOT RUN: {name} failed")
        continue
    print(f"{name + ', the whole process':40}{mib / seconds:8.1f}{peak:14.0f}")
if missed and os.environ.get("TIDEWAITER_BENCH_STRICT") == "1":
    sys.exit(1)
