"""Measures what locking in costs: bench.py BINARY POLICY ENTER PEERS, in a directory that holds `small/loops`.

ENTER runs a command in a container as Docker makes it; PEERS is where peers.sh installs.

Everything is measured against the bare command, in pairs whose order alternates, so that both meet the same machine. Of starts
the median of the pairs' differences is shown. Of work, the fastest third of each side is compared: what else the machine does
only ever adds time. Bare work is done as the agent's uid, and in a session of its own as the agent's is, since the scheduler
shares the processor out by sessions (sched(7), autogroup). A bound that is missed is marked with `!`.
"""

import os
import random
import shutil
import statistics
import subprocess
import sys
import time

from table import fastest, missed, row

BINARY, POLICY, ENTER, PEERS = sys.argv[1:]
PAIRS = int(os.environ.get("TIDEWAITER_BENCH_PAIRS", "40"))
AGENT = 61000
HERE = os.getcwd()


def run(command, given="", **options):
    done = subprocess.run(command, input=given, capture_output=True, text=True, start_new_session=True, **options)
    if done.returncode != 0:
        sys.exit(f"bench: `{' '.join(command)}` exited with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def took(command, **options):
    start = time.perf_counter()
    run(command, cwd="small", **options)
    return (time.perf_counter() - start) * 1000


def said_in(workspace, made=None):
    """Runs a command in a workspace and takes the number that it prints; what was `made` there by an earlier one goes first."""

    def said(command):
        if made:
            shutil.rmtree(f"{workspace}/{made}", ignore_errors=True)
        return float(run(command, cwd=workspace).split()[-1])

    return said


def inside(fence, command):
    with open(f"{fence}.toml", "w") as layer:
        layer.write(f'version = 1\n[network]\nfence = "{fence}"\n')
    return [BINARY, "run", "--policy", POLICY, "--policy", f"{HERE}/{fence}.toml", "--", *command]


def bare(command):
    user = ["setpriv", f"--reuid={AGENT}", f"--regid={AGENT}", "--clear-groups"] if os.geteuid() == 0 else []
    return [*user, *command]


def pairs(measure, one, other, count):
    measure(one), measure(other)
    made = []
    for number in range(count):
        first, second = (one, other) if number % 2 == 0 else (other, one)
        values = {id(first): measure(first), id(second): measure(second)}
        made.append((values[id(one)], values[id(other)]))
    return made


def start(what, other, bound, count=PAIRS, **options):
    made = pairs(lambda command: took(command, **options), ["true"], other, count)
    row(f"start, {what}", statistics.median(b - a for a, b in made), bound, "ms")


def ratio(what, measure, fence, command, bound, count):
    made = pairs(measure, bare(command), inside(fence, command), count)
    one, other = (fastest(values) for values in zip(*made))
    row(f"{what}, {fence}", other / one, bound, "x", f"bare {one / 1e6:.3f} ms" if one > 1e5 else f"bare {one:.0f} ns")


def fences():
    for fence in ("broker", "netns"):
        made = subprocess.run(inside(fence, ["true"]), cwd="small", stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode == 0:
            yield fence
        else:
            print(f"NOT RUN: the fence {fence}: {made.stderr.strip()}")


def peers():
    home = f"{PEERS}/home"
    # What they keep stays with them; codex takes no home below /tmp.
    known = os.environ | {"PATH": f"{PEERS}/bin:{os.environ['PATH']}", "HOME": home, "CODEX_HOME": home}
    for name, command in {
        "bubblewrap": ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--unshare-net", "true"],
        "nono": ["nono", "run", "--silent", "--allow", ".", "--block-net", "--", "true"],
        "nono with a list of hosts": ["nono", "run", "--silent", "--allow", ".", "--allow-domain", "allowed.example", "--", "true"],
        "codex's sandbox": ["codex", "sandbox", "--", "true"],
        "srt": ["srt", "true"],
    }.items():
        if shutil.which(command[0], path=known["PATH"]) is None:
            print(f"  start, {name:<37}   not installed here (benches/peers.sh)")
            continue
        tried = subprocess.run(command, cwd="small", env=known, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if tried.returncode != 0:
            print(f"  start, {name:<37}   does not start here: {' '.join(tried.stderr.split())[-120:]}")
        else:
            start(name, command, None, 15, env=known)


def timed(command):
    """The command, timed where it runs: what a start costs has a row of its own."""
    return ["sh", "-c", 'from=$(date +%s%N); "$@" >/dev/null || exit; echo $(($(date +%s%N) - from))', "sh", *command]


def given(folder):
    """The folder, as the agent's already: what is measured is the walls, not a change of owners."""
    if os.geteuid() == 0:
        run(["chown", "-R", f"{AGENT}:{AGENT}", folder])


def many_files():
    """A checkout as a clone makes it: history in a pack, 50,000 files of the sizes that sources have: half of them below
    3 KB, 11 KB on average (as in crates, C headers and Python's library)."""
    sizes = random.Random(1)
    text = "What is compiled, tested and packed all day is text, in files of a few thousand bytes.\n" * 12_000
    git = ["git", "-c", "core.compression=1", "-C", "many"]
    run(["git", "init", "-q", "-b", "main", "many"])
    stream = ["commit refs/heads/main\ncommitter x <x@example.com> 1 +0000\ndata 1\nx\n"]
    for number in range(50_000):
        content = f"{number}\n{text[: min(int(sizes.lognormvariate(8, 1.65)), 1_000_000)]}"
        stream.append(f"M 644 inline {number // 2000}/{number // 100}/{number}\ndata {len(content)}\n{content}\n")
    run([*git, "fast-import", "--quiet"], "".join(stream))
    run([*git, "reset", "-q", "--hard"])
    given("many")
    # What is as young as the index would be read each time.
    time.sleep(1.1)
    run(bare(["git", "-C", "many", "status"]))


def crate():
    """A crate of a few thousand lines without a dependency; its folder and cargo's, where there is one that all may run."""
    os.makedirs("crate/src")
    with open("crate/Cargo.toml", "w") as manifest:
        manifest.write('[package]\nname = "work"\nversion = "0.1.0"\nedition = "2021"\n[profile.dev]\ndebug = false\nincremental = false\n')
    with open("crate/src/main.rs", "w") as main:
        for number in range(PARTS):
            main.write(f"mod part{number};\n")
            with open(f"crate/src/part{number}.rs", "w") as part:
                part.write(PART.replace("NUMBER", str(number)))
        calls = " + ".join(f"part{number}::total(seed)" for number in range(PARTS))
        main.write(f"fn main() {{\n    let seed = std::env::args().count() as u64;\n    println!(\"{{}}\", {calls});\n}}\n")
    given("crate")
    found = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, cwd="/") if shutil.which("rustc") else None
    for folder in (f"{found.stdout.strip()}/bin" if found else "", "/usr/bin"):
        if folder.startswith("/usr/") and os.access(f"{folder}/cargo", os.X_OK):
            return folder
    return None


PARTS = 80
PART = """//! Part NUMBER.
use std::fmt;

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd)]
pub struct Key {
    name: String,
    rank: u64,
}

#[derive(Clone, Debug)]
pub enum Value {
    One(u64),
    Many(Vec<Value>),
    Named(Key, Box<Value>),
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(value) => write!(out, "{value}"),
            Self::Many(values) => values.iter().try_for_each(|value| write!(out, "{value},")),
            Self::Named(key, value) => write!(out, "{}={value};", key.name),
        }
    }
}

fn sum(value: &Value) -> u64 {
    match value {
        Value::One(value) => *value,
        Value::Many(values) => values.iter().map(sum).fold(NUMBER, u64::wrapping_add),
        Value::Named(key, value) => sum(value) ^ key.rank,
    }
}

pub fn total(seed: u64) -> u64 {
    let many: Vec<Value> = (0..seed % 7 + NUMBER).map(Value::One).collect();
    let named = Value::Named(Key { name: format!("key {seed}"), rank: seed }, Box::new(Value::Many(many)));
    sum(&named).wrapping_add(named.to_string().len() as u64)
}
"""


def memory(fence):
    """Resident MiB of our own processes while the agent sleeps, by role."""
    agent = subprocess.Popen(inside(fence, ["sleep", "3"]), cwd="small", stdin=subprocess.DEVNULL)
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


def contained():
    """socket() in a container as Docker makes it: there the broker makes each socket, and the engine's filter is asked too."""
    if os.geteuid() != 0 or not all(shutil.which(program) for program in ("podman", "runc", "unshare", "ip")):
        print("NOT RUN: socket() in a container: it needs root, podman, runc and iproute2")
        return
    for user in (0, 1000):
        shutil.copytree("small", f"user{user}")
        run(["chown", "-R", f"{user}:{user}", f"user{user}"])
        place = f"{HERE}/user{user}"
        entered = [ENTER, "--user", f"{user}:{user}", "--volume", f"{HERE}:{HERE}", "--workdir", place, "--"]
        sockets = inside("broker", ["./loops", "socket", "20000"])
        row(f"socket(), median, in runc as uid {user}", float(run([*entered, *sockets]).split()[-1]) / 1000, 25, "us")


print(f"starts: medians of {PAIRS} alternating pairs; work: the fastest third of each side")
given("small")
standing = list(fences())
for fence in standing:
    start(f"tidewaiter, {fence}, gateway included", inside(fence, ["true"]), {"broker": 6, "netns": 8}[fence])
peers()
many_files()
folder = crate()
for fence in standing:
    for what, work in {
        "git status on 50,000 files": timed(["git", "status", "--porcelain"]),
        "tar of 50,000 files": timed(["sh", "-c", "tar -cf - --exclude=./.git . | cat"]),
    }.items():
        ratio(what, said_in("many"), fence, work, 1.05, 21)
    if folder is None:
        print("NOT RUN: a Rust build: no cargo below /usr (Debian, Ubuntu: sudo apt-get install cargo)")
    else:
        build = ["env", "-i", f"PATH={folder}:/usr/bin:/bin", f"HOME={HERE}/crate", f"TMPDIR={HERE}/crate", "cargo", "build", "--offline", "--quiet"]
        ratio("Rust build of 3,000 lines", said_in("crate", "target"), fence, timed(build), 1.05, 5)
    for loop, rounds, bound in (("getppid", 500_000, 1.1), ("stat", 200_000, 1.1), ("open", 100_000, 1.4)):
        ratio(f"{loop} loop", said_in("small"), fence, ["./loops", loop, str(rounds)], bound, 24)
    # Nanoseconds a block: throughput is its inverse.
    ratio("loopback, time a block", said_in("small"), fence, ["./loops", "stream", "20000"], 1 / 0.95, 12)
    sockets = said_in("small")(inside(fence, ["./loops", "socket", "20000"]))
    row(f"socket(), median, {fence}", sockets / 1000, 25, "us")
    sizes = memory(fence)
    both = sizes.get("tidewaiter", 0) + sizes.get("tidewaiter-broker", 0)
    row(f"supervisor and broker, resident, {fence}", both, 8, "MiB")
    row(f"gateway, resident, {fence}", sizes.get("tidewaiter-gateway", 0), 16, "MiB")
contained()
row("binary", os.path.getsize(BINARY) / (1 << 20), 12, "MiB")
if missed:
    print(f"over the bound: {', '.join(missed)}")
    if os.environ.get("TIDEWAITER_BENCH_STRICT") == "1":
        sys.exit(1)
