"""place.py DIRECTORY on|off: runs in one place, outside of the walls. It prepares what the probes attack, starts the probes, locked in
or not, and then says what became of what was attacked, as JSON lines: {"case", "changed": …, "victim": …}.

DIRECTORY/list.json holds the cases: those of kind `inside` run one after another in one start of Tidewaiter, those of kind `around`
are scripts that start it themselves.
"""
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time

DIRECTORY, WALLS = sys.argv[1], sys.argv[2]
WORKSPACE = DIRECTORY + "/builds/project"
TIDEWAITER = DIRECTORY + "/bin/tidewaiter"
TICKET = "made-up-ticket-of-the-run-without-walls"


def fresh(case):
    """The case's own directory outside, open to everyone by its mode bits."""
    out = "%s/out/%s" % (DIRECTORY, case["name"])
    os.makedirs(out + "/directory")
    for name in ("file", "secret"):
        with open(out + "/" + name, "w") as file:
            file.write("outside\n")
        os.chmod(out + "/" + name, 0o666)
    for path in (out, out + "/directory"):
        os.chmod(path, 0o777)
    return out


def snapshot(top):
    """Everything about every entry that somebody could change."""
    found = {}
    for directory, directories, files in os.walk(top):
        for name in [""] + directories + files:
            path = os.path.join(directory, name) if name else directory
            meta = os.lstat(path)
            content = None
            if os.path.isfile(path) and not os.path.islink(path):
                try:
                    with open(path, "rb") as file:
                        content = hashlib.sha256(file.read()).hexdigest()
                except OSError as error:
                    content = str(error)
            mtime = meta.st_mtime_ns if content else 0
            try:
                attributes = [(attribute, os.getxattr(path, attribute).hex()) for attribute in os.listxattr(path)]
            except OSError:
                attributes = []
            found[path] = (meta.st_mode, meta.st_uid, meta.st_gid, meta.st_nlink, content, mtime, attributes)
    return found


def victim(case):
    """A process outside that holds a secret in its environment."""
    if not case["attacks"]:
        return None
    environment = {"PATH": os.environ["PATH"], "SECRET": "made-up-secret-of-the-job"}
    return subprocess.Popen(["sleep", "600"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def state(process):
    """What somebody may have done to a process."""
    if process is None:
        return None
    if process.poll() is not None:
        return "killed"
    pid = process.pid
    with open("/proc/%d/stat" % pid) as file:
        stopped = file.read().rpartition(")")[2].split()[0] in "Tt"
    with open("/proc/%d/limits" % pid) as file:
        limits = file.read()
    return [stopped, limits, os.getpriority(os.PRIO_PROCESS, pid), sorted(os.sched_getaffinity(pid))]


def environment():
    """The job's own: secrets, a trap in every variable that a program trusts, the ways out of the run without walls."""
    made = dict(os.environ, HOME=DIRECTORY + "/home", WALLS=WALLS, TIDEWAITER=TIDEWAITER, LAB=DIRECTORY)
    made.update(ANTHROPIC_API_KEY="made-up-provider-key", CI_JOB_TOKEN="made-up-job-token", GITLAB_ACCESS_TOKEN="made-up-access-token",
                CI_REPOSITORY_URL="https://gitlab-ci-token:made-up-clone-token@gitlab.example/a/b.git")
    if WALLS == "off":
        proxy = "http://tidewaiter:%s@127.0.0.1:3128" % TICKET
        made.update({name: proxy for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")})
        made.update(ANTHROPIC_BASE_URL="http://127.0.0.1:3128/anthropic", ANTHROPIC_AUTH_TOKEN=TICKET, NO_PROXY="127.0.0.1")
    return made


def say(**line):
    print(json.dumps(line), flush=True)


def inside(cases):
    """All probes in one start."""
    known = WORKSPACE + "/.cases/list.json"
    victims = {case["name"]: victim(case) for case in cases}
    before = {}
    for case in cases:
        case["out"], process = fresh(case), victims[case["name"]]
        case["victim"] = process.pid if process else 0
        before[case["name"]] = (snapshot(case["out"]), state(process))
    with open(known, "w") as file:
        json.dump(cases, file)
    runner = ["/usr/bin/python3", WORKSPACE + "/.cases/runner.py", known]
    locked = [TIDEWAITER, "run", "--policy", DIRECTORY + "/policy.toml", "--workspace", WORKSPACE, "--journal", DIRECTORY + "/journal.jsonl", "--"]
    done = subprocess.run((locked if WALLS == "on" else []) + runner, env=environment(), cwd=WORKSPACE)
    say(status=done.returncode)
    for case in cases:
        was, process = before[case["name"]], victims[case["name"]]
        say(case=case["name"], changed=snapshot(case["out"]) != was[0], victim=told(was[1], state(process)))
        if process and process.poll() is None:
            process.kill()
            process.wait()


def told(before, after):
    return None if before is None else after if after == "killed" else "untouched" if before == after else "changed"


def around(case):
    """One script that starts Tidewaiter itself."""
    out = fresh(case)
    work = "%s/around/%s" % (DIRECTORY, case["name"])
    os.makedirs(work)
    process = victim(case)
    before = (snapshot(out), state(process))
    say(case=case["name"], trying=True)
    t0, w0 = time.monotonic(), int(time.time() * 1000)
    made = dict(environment(), OUT=out, VICTIM=str(process.pid if process else 0), CASES=WORKSPACE + "/.cases", POLICY=DIRECTORY + "/policy.toml", PLAIN=DIRECTORY + "/plain.toml")
    program = ["/bin/sh" if case["path"].endswith(".sh") else "/usr/bin/python3", case["path"]]
    try:
        done = subprocess.run(program, env=made, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=case["timeout"])
        text = done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode("utf-8", "replace") + "\nresult: timed out\n"
    labels = [line[8:] for line in text.splitlines() if line.startswith("result: ")]
    say(case=case["name"], result=labels[-1] if labels else "no result", t0=t0, t1=time.monotonic(), w0=w0, w1=int(time.time() * 1000), output=text[-1500:])
    say(case=case["name"], changed=snapshot(out) != before[0], victim=told(before[1], state(process)))
    if process and process.poll() is None:
        process.kill()
        process.wait()


def main():
    # Whoever started this may have gone on without a terminal; victims must not be deaf to a hang-up for that.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # No test may use up the machine, whatever it tries.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), min(4096, hard) if hard != resource.RLIM_INFINITY else 4096))
    with open(DIRECTORY + "/list.json") as file:
        cases = json.load(file)
    inside([case for case in cases if case["kind"] != "around"])
    for case in cases:
        if case["kind"] == "around":
            around(case)
    say(done=True)


main()
