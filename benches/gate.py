"""Measures what an inspection takes: gate.py BINARY POLICY, in an empty directory.

A whole `tidewaiter check --worktree` is measured beside git's own way to hash the same work tree anew (`add -A` and
`write-tree` on an index that knows no file's time, and `status` on such an index), in pairs whose order alternates, so that
both meet the same machine. The fastest third of each side is compared: what else the machine does only ever adds time. The
processor's time is that of all processes, whatever else ran.
Memory is the most that the process or one of its children had resident. A bound that is missed is marked with `!`.
"""

import os
import random
import subprocess
import sys
import time

from table import fastest, missed, row

BINARY, POLICY = sys.argv[1:]
PAIRS = int(os.environ.get("TIDEWAITER_BENCH_PAIRS", "40"))
ENVIRONMENT = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
NAMES = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "A"), ("EMAIL", "a@localhost"))}


def took(commands, folder, fine=(0,)):
    """Milliseconds, MiB and the processor's milliseconds of commands one after the other."""
    start, most, busy = time.perf_counter(), 0, 0
    for command in commands:
        child = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT | NAMES, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in fine:
            sys.exit(f"bench: `{' '.join(command)}` exited with {child.returncode}: {said.decode(errors='replace').strip()}")
        most, busy = max(most, used.ru_maxrss / 1024), busy + (used.ru_utime + used.ru_stime) * 1000
    return (time.perf_counter() - start) * 1000, most, busy


def git(folder, *arguments):
    took([["git", *arguments]], folder)


def repository(name, files, size, attributes=""):
    """`files` files of about `size` bytes in folders of ten, a few levels deep, of which twenty are changed."""
    random.seed(1)
    words = [bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz", k=random.randrange(2, 10))) for _ in range(5000)]
    os.mkdir(name)
    git(name, "init", "-q", "-b", "main")
    git(name, "config", "maintenance.auto", "false")
    for number in range(files):
        folder = f"{name}/part{number // 2500}/module{number // 100 % 25}/src{number // 10 % 10}"
        os.makedirs(folder, exist_ok=True)
        text, length = [], 0
        while length < size:
            line = b" ".join(random.choices(words, k=10))
            text.append(line)
            length += len(line) + 1
        with open(f"{folder}/file{number}.txt", "wb") as file:
            file.write(b"\n".join(text) + b"\n")
    if attributes:
        with open(f"{name}/.gitattributes", "w") as file:
            file.write(attributes)
    git(name, "add", "-A")
    git(name, "commit", "-q", "-m", "first")
    git(name, "gc", "-q")
    step = files // 20
    for number in range(0, files, step):
        with open(f"{name}/part{number // 2500}/module{number // 100 % 25}/src{number // 10 % 10}/file{number}.txt", "ab") as file:
            file.write(b"one more line\n")
    return name


def measured(what, folder, pairs, bound, memory=None):
    check = [[BINARY, "check", "--policy", POLICY, "--base", "HEAD", "--worktree"]]
    index = f"{os.getcwd()}/{folder}.index"

    def ours():
        return took(check, folder)

    def theirs(*commands):
        def run():
            if os.path.exists(index):
                os.remove(index)
            ENVIRONMENT["GIT_INDEX_FILE"] = index
            made = took([["git", "read-tree", "HEAD"], *commands], folder)
            del ENVIRONMENT["GIT_INDEX_FILE"]
            return made

        return run

    ways = [ours, theirs(["git", "add", "-A"], ["git", "write-tree"]), theirs(["git", "status", "--porcelain"])]
    for way in ways:
        way()
    times, works, most = [[], [], []], [[], [], []], 0
    for number in range(pairs):
        order = list(enumerate(ways))
        for place, way in order if number % 2 == 0 else reversed(order):
            time_taken, used, busy = way()
            times[place].append(time_taken)
            works[place].append(busy)
            most = max(most, used) if place == 0 else most
    check, add, status = (fastest(values) for values in times)
    row(f"check, {what}", check, bound, "ms", f"git add and write-tree {add:.0f} ms, git status {status:.0f} ms", digits=1)
    check, add, status = (fastest(values) for values in works)
    row(f"check, {what}, processor", check, None, "ms", f"git add and write-tree {add:.0f} ms, git status {status:.0f} ms", digits=1)
    row(f"check, {what}, memory", most, memory, "MiB", digits=1)


few = max(3, PAIRS // 8)
measured("20 of 5,000 files, 20 MB", repository("small", 5_000, 4_000), PAIRS, 120)
measured("20 of 50,000 files, 200 MB", repository("large", 50_000, 4_000), few, 2_000, 150)
measured("20 of 5,000 files, text=auto", repository("text", 5_000, 4_000, "* text=auto\n"), PAIRS, None)
if missed:
    print(f"missed: {', '.join(missed)}")
    if os.environ.get("TIDEWAITER_BENCH_STRICT") == "1":
        sys.exit(1)
