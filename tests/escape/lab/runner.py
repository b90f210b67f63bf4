"""runner.py LIST.json: runs probes one after another, in the walls or without, and prints a JSON line before and after each.

{"case": NAME, "trying": true, …} and {"case": NAME, "result": WORDS, "t0", "t1": CLOCK_MONOTONIC, "w0", "w1": milliseconds
since 1970, "output": what it printed}. A probe that printed no result has none: `no result`, or how it died.
"""
import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def command(path):
    if path.endswith(".py"):
        return ["/usr/bin/python3", HERE + "/probe.py", path]
    return ["/bin/sh", path] if path.endswith(".sh") else [path]


def run(case):
    os.makedirs(case["name"], exist_ok=True)
    environment = dict(os.environ, OUT=case["out"], VICTIM=str(case["victim"]), LAB=case["lab"], CASES=HERE)
    process = subprocess.Popen(command(case["path"]), cwd=case["name"], env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, late = process.communicate(timeout=case["timeout"])[0], False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, late = process.communicate()[0], True
    text = output.decode("utf-8", "replace")
    labels = [line[8:] for line in text.splitlines() if line.startswith("result: ")]
    if labels:
        return labels[-1], text
    if late:
        return "timed out", text
    if process.returncode < 0:
        return "killed: " + signal.Signals(-process.returncode).name, text
    return "no result", text


def main():
    with open(sys.argv[1]) as file:
        cases = json.load(file)
    for case in cases:
        print(json.dumps({"case": case["name"], "trying": True}), flush=True)
        t0, w0 = time.monotonic(), int(time.time() * 1000)
        try:
            result, output = run(case)
        except OSError as error:
            result, output = "not started: %s" % error, ""
        # What the outside sees of it, and the journal's record, are written a moment later.
        time.sleep(case["settle"])
        print(json.dumps({"case": case["name"], "result": result, "t0": t0, "t1": time.monotonic(), "w0": w0,
                          "w1": int(time.time() * 1000), "output": output[-1500:]}), flush=True)


main()
