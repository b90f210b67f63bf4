"""runner.py LIST.json: runs probes one after another, in the walls or without, and prints a JSON line before and after each.

{"case": NAME, "trying": true} and {"case": NAME, "result": WORDS, "t0", "t1": CLOCK_MONOTONIC, "w0", "w1": milliseconds since
1970, "output": what it printed}. A probe that printed no result has none: `no result`, or how it died. Each has a process, a
session and a directory of its own; those in Python are forked from this one, which spares each the start of an interpreter.
"""
import json
import os
import select
import signal
import sys
import time

import attempt
import probe

HERE = os.path.dirname(os.path.abspath(__file__))


def started(case, reader, writer):
    """In the child: becomes the probe."""
    os.setsid()
    os.chdir(case["name"])
    os.environ.update(OUT=case["out"], VICTIM=str(case["victim"]), LAB=case["lab"], CASES=HERE)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.closerange(3, 64)
    path = case["path"]
    if not path.endswith(".py"):
        words = ["/bin/sh", path] if path.endswith(".sh") else [path]
        os.execv(words[0], words)
    attempt.OUT, attempt.VICTIM, attempt.DIRECTORY = case["out"], case["victim"], case["lab"]
    sys.stdout = open(1, "w", closefd=False)
    probe.main(path)
    sys.stdout.flush()


def run(case):
    os.makedirs(case["name"], exist_ok=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            started(case, reader, writer)
        finally:
            os._exit(0)
    os.close(writer)
    output, late = read(reader, time.monotonic() + case["timeout"])
    try:
        # Whatever it left behind in its session is no part of the next probe.
        os.killpg(child, signal.SIGKILL)
    except OSError:
        pass
    status = os.waitpid(child, 0)[1]
    os.close(reader)
    return result(output.decode("utf-8", "replace"), late, status)


def read(reader, until):
    output = b""
    while (left := until - time.monotonic()) > 0:
        if select.select([reader], [], [], left)[0]:
            data = os.read(reader, 65536)
            if not data:
                return output, False
            output += data
    return output, True


def result(text, late, status):
    labels = [line[8:] for line in text.splitlines() if line.startswith("result: ")]
    if labels:
        return labels[-1], text
    if late:
        return "timed out", text
    if os.WIFSIGNALED(status):
        return "killed: " + signal.Signals(os.WTERMSIG(status)).name, text
    return "no result", text


def main():
    with open(sys.argv[1]) as file:
        cases = json.load(file)
    for case in cases:
        print(json.dumps({"case": case["name"], "trying": True}), flush=True)
        t0, w0 = time.monotonic(), int(time.time() * 1000)
        words, output = run(case)
        # What the outside sees of it, and the journal's record, are written a moment later.
        time.sleep(case["settle"])
        print(json.dumps({"case": case["name"], "result": words, "t0": t0, "t1": time.monotonic(), "w0": w0,
                          "w1": int(time.time() * 1000), "output": output[-1500:]}), flush=True)


main()
