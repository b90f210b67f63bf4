"""Measures what locking in costs: bench.py BINARY POLICY, in an empty workspace that holds `loops`.

Everything is measured against the bare command, in pairs whose order alternates, so that both meet the same machine; what is
compared is the median of the pairs. A bound that is missed is marked with `!`.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time

BINARY, POLICY = sys.argv[1:]
PAIRS = int(os.environ.get("TIDEWAITER_BENCH_PAIRS", "30"))
missed = []


def run(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"bench: `{' '.join(command)}` exited with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def took(command):
    start = time.perf_counter()
    run(command)
    return (time.perf_counter() - start) * 1000


def said(command):
    return float(run(command).split()[-1])


def inside(fence, command):
    with open(f"{fence}.toml", "w") as layer:
        layer.write(f'version = 1\n[network]\nfence = "{fence}"\n')
    return [BINARY, "run", "--policy", POLICY, "--policy", f"{fence}.toml", "--", *command]


def pairs(measure, bare, other, count):
    measure(bare), measure(other)
    made = []
    for number in range(count):
        first, second = (bare, other) if number % 2 == 0 else (other, bare)
        values = {id(first): measure(first), id(second): measure(second)}
        made.append((values[id(bare)], values[id(other)]))
    return made


def row(what, value, bound, unit):
    over = bound is not None and value > bound
    if over:
        missed.append(what)
    limit = f"<= {bound:g} {unit}" if bound is not None else ""
    print(f"{'!' if over else ' '} {what:<44} {value:9.2f} {unit:<5} {limit}", flush=True)


def start(what, other, bound):
    made = pairs(took, ["true"], other, PAIRS)
    row(f"start, {what}", statistics.median(b - a for a, b in made), bound, "ms")


def ratio(what, measure, bare, other, bound, count=7):
    made = pairs(measure, bare, other, count)
    row(what, statistics.median(b / a for a, b in made), bound, "x")


def fences():
    for fence in ("broker", "netns"):
        made = subprocess.run(inside(fence, ["true"]), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode == 0:
            yield fence
        else:
            print(f"NOT RUN: the fence {fence}: {made.stderr.strip()}")


def peers():
    for name, command in {
        "bubblewrap": ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--unshare-net", "true"],
        "nono": ["nono", "run", "--allow", ".", "--", "true"],
        "srt": ["srt", "true"],
        "codex's sandbox": ["codex", "sandbox", "linux", "true"],
    }.items():
        if shutil.which(command[0]) is None:
            print(f"  start, {name:<37}   not installed here")
        elif subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode != 0:
            print(f"  start, {name:<37}   does not start here")
        else:
            start(name, command, None)


def timed(command):
    """The command, timed where it runs: what a start costs has a row of its own."""
    return ["sh", "-c", 'from=$(date +%s%N); "$@" >/dev/null || exit; echo $(($(date +%s%N) - from))', "sh", *command]


def many_files():
    os.makedirs("many")
    for folder in range(500):
        os.makedirs(f"many/{folder}")
        for name in range(100):
            with open(f"many/{folder}/{name}", "w") as file:
                file.write(f"{folder} {name}\n")
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x"]):
        run(["git", "-c", "maintenance.auto=false", "-C", "many", *command])
    if os.geteuid() == 0:
        # The agent's already: what is measured is the walls, not a change of owners.
        run(["chown", "-R", "61000:61000", "."])


def memory(fence):
    """Resident MiB of our own processes while the agent sleeps, by role."""
    agent = subprocess.Popen(inside(fence, ["sleep", "3"]), stdin=subprocess.DEVNULL)
    time.sleep(1.5)
    sizes, left = {}, [agent.pid]
    while left:
        pid = left.pop()
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            left += [int(child) for child in children.read().split()]
        with open(f"/proc/{pid}/cmdline") as line:
            name = os.path.basename(line.read().split("\0")[0])
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            kib = next(int(line.split()[1]) for line in rollup if line.startswith("Rss:"))
        sizes[name] = sizes.get(name, 0) + kib / 1024
    agent.wait()
    return sizes


print(f"medians of {PAIRS} alternating pairs of starts; ratios of 7 pairs of work")
standing = list(fences())
for fence in standing:
    start(f"tidewaiter, {fence}, gateway included", inside(fence, ["true"]), {"broker": 6, "netns": 8}[fence])
peers()
many_files()
for fence in standing:
    for what, work in {
        "git status on 50,000 files": ["git", "-c", "safe.directory=*", "-C", "many", "status", "--porcelain"],
        "tar of 50,000 files": ["sh", "-c", "tar -cf - many | cat"],
    }.items():
        ratio(f"{what}, {fence}", said, timed(work), inside(fence, timed(work)), 1.05)
    for loop, rounds, bound in (("getppid", 2_000_000, 1.1), ("stat", 500_000, 1.1), ("open", 300_000, 1.4)):
        loops = ["./loops", loop, str(rounds)]
        ratio(f"{loop} loop, {fence}", said, loops, inside(fence, loops), bound, 5)
    stream = ["./loops", "stream", "30000"]
    made = pairs(said, stream, inside(fence, stream), 5)
    # Nanoseconds a block: throughput is its inverse.
    row(f"loopback, time a block, {fence}", statistics.median(b / a for a, b in made), 1 / 0.95, "x")
    row(f"socket(), median, {fence}", said(inside(fence, ["./loops", "socket", "20000"])) / 1000, 25, "us")
    sizes = memory(fence)
    both = sizes.get("tidewaiter", 0) + sizes.get("tidewaiter-broker", 0)
    row(f"supervisor and broker, resident, {fence}", both, 8, "MiB")
    row(f"gateway, resident, {fence}", sizes.get("tidewaiter-gateway", 0), 16, "MiB")
row("binary", os.path.getsize(BINARY) / (1 << 20), 12, "MiB")
if missed:
    print(f"over the bound: {', '.join(missed)}")
    if os.environ.get("TIDEWAITER_BENCH_STRICT") == "1":
        sys.exit(1)
