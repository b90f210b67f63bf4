"""What the cases of `degradation/` share: Tidewaiter started on a host that has less than this one.

Without walls a case shows that its host really has less; with them it shows what each command says to that.
"""
import errno
import os
import subprocess
import sys

WALLS = os.environ["WALLS"] == "on"
HERE = os.environ["CASES"]
TIDEWAITER = os.environ["TIDEWAITER"]
MARKER = os.path.realpath("w/marker")

# A uid of this place alone: below Landlock's ABI 6 everybody of the agent's uid is killed, those in containers included.
UID = 61400 + 10 * ["open", "host", "host-netns", "root", "user", "restricted"].index(os.path.basename(os.environ["LAB"]))
POLICY = """version = 1
[agent]
kind = "command"
command = ["touch", "%s"]
[process]
uid = %d
%s"""
BROKER = '[network]\nfence = "broker"\n'
ANY = BROKER + 'loopback = "any"\n'
NETNS = '[network]\nfence = "netns"\n'

# A job as far as it comes without asking anybody.
JOB = {"GITLAB_CI": "true", "CI_SERVER_URL": "https://gitlab.example", "CI_API_V4_URL": "https://gitlab.example/api/v4", "CI_PROJECT_ID": "1",
       "CI_PROJECT_PATH": "group/project", "CI_PIPELINE_ID": "1", "CI_JOB_ID": "1", "CI_JOB_URL": "https://gitlab.example/1",
       "CI_COMMIT_SHA": "1" * 40, "CI_COMMIT_REF_NAME": "main", "CI_COMMIT_REF_PROTECTED": "true", "CI_DEFAULT_BRANCH": "main",
       "AI_FLOW_INPUT": "made up", "CI_PROJECT_DIR": os.path.realpath("w")}


def older(*less):
    return [HERE + "/older", *less, "--"] if less else []


def prepare(policy):
    os.makedirs("w", exist_ok=True)
    with open("policy.toml", "w") as file:
        file.write(policy if policy.startswith("version") else POLICY % (MARKER, UID, policy))


def tidewaiter(less, words, command=(), **variables):
    """One command; its exit code and all that it said."""
    environment = dict(os.environ, **variables)
    environment.pop("TIDEWAITER_POLICY", None)
    started = [*older(*less), TIDEWAITER, *words, "--policy", os.path.realpath("policy.toml"), *command]
    done = subprocess.run(started, cwd="w", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode("utf-8", "replace")
    print("%s: %d\n%s" % (words[0], done.returncode, text), flush=True)
    return done.returncode, text


def outside(less, probe):
    """What a program gets on that host: the name of an error, or what it prints."""
    code = "import ctypes, os, socket\nlibc = ctypes.CDLL(None, use_errno=True)\n" \
           "def check(answer):\n    if answer < 0: raise OSError(ctypes.get_errno(), '')\n" + probe
    done = subprocess.run([*older(*less), "/usr/bin/python3", "-c", "import errno\ntry:\n    exec(%r)\nexcept OSError as error: print(errno.errorcode[error.errno])" % code],
                          stdout=subprocess.PIPE)
    return done.stdout.decode().strip()


def refused(less, probe, says, policy=BROKER, **variables):
    """The result of a case: how `run`, `doctor` and `job` end, and the promise that each line names.

    All of them must say `says`, what is missing and what to do, and the command must not have run.
    """
    prepare(policy)
    if not WALLS:
        return outside(less, probe) if probe else "works"
    run = tidewaiter(less, ["run"], ["--", "touch", MARKER], **variables)
    doctor = tidewaiter(less, ["doctor"], **variables)
    job = tidewaiter(less, ["job"], **dict(JOB, **variables))
    told = [run, doctor, job]
    unsaid = [name for name, (code, text) in zip(("run", "doctor", "job"), told) if code and not all(word in " ".join(text.split()) for word in says)]
    if os.path.exists(MARKER):
        return "IT RAN"
    if unsaid:
        return "%s did not say it" % ", ".join(unsaid)
    return "refused: run %d, doctor %d, job %d" % tuple(code for code, _ in told)


# Two processes that no longer belong to anybody, in sessions of their own.
STAYS = "touch %s; (setsid sleep 600 &); setsid sh -c 'sleep 600 & exec sleep 600' & :"

BOMB = """import os, signal, sys, time
for number in (1, 2, 3, 15):
    signal.signal(number, signal.SIG_IGN)
stem, began, on, child = os.getppid(), time.monotonic(), FORKS_ON, 1

def stay(number):
    os.setsid()
    if os.fork():
        return
    if number % 60 == 0 and on:
        # Whoever is about to kill us may be of our own uid for a moment.
        while time.monotonic() - began < 20:
            time.sleep(0.0005)
            for deadly in (signal.SIGSTOP, signal.SIGKILL):
                try:
                    os.kill(stem, deadly)
                except OSError:
                    pass
    while on and time.monotonic() - began < 20:
        time.sleep(0.2)
        if os.fork():
            return
    time.sleep(20)

for number in range(300):
    try:
        child = os.fork()
        if child == 0:
            stay(number)
    except OSError:
        pass  # There are no more to be had.
    if child == 0:
        os._exit(0)
open("marker", "w").write("%.2f s" % (time.monotonic() - began))
"""


def alone():
    """Goes on in a pid namespace that ends with this process, so that nothing survives it and no signal gets out of it.

    In a container we are in one already, and may make no other.
    """
    apart = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.environ.get("ALONE") is None and subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL).returncode == 0:
        sys.stdout.flush()
        os.execvpe(apart[0], [*apart, sys.executable, *sys.argv], dict(os.environ, ALONE="yes"))


def those_in(place):
    """How many processes have this directory."""
    found = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/cwd" % name) == place:
                found += 1
        except OSError:
            pass
    return found


def abi(version, policy, root=None, user=None):
    """The result on a Landlock of that version: `held`, or the refusal by the promise that root or another user is told."""
    if not WALLS:
        return outside(["landlock=%d" % version], "print(libc.syscall(444, None, 0, 1))")
    return held(version, policy, ["sh", "-c", STAYS % MARKER], root, user, "held")


def held(version, policy, command, root, user, good):
    alone()
    prepare(policy)
    less, promise = ["landlock=%d" % version], user if os.geteuid() else root
    # In a container namespaces cannot be made, so that root has no network of its own there.
    if promise and not (promise == "network" and subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode == 0):
        return refused(less, "", ["`%s`" % promise], policy)
    others = [subprocess.Popen(["sleep", "600"], cwd="/", user=uid) for uid in (0, 1000, UID + 3) if os.geteuid() == 0]
    try:
        code, _ = tidewaiter(less, ["run"], ["--", *command])
        left, dead = those_in(os.path.realpath("w")), [other.args for other in others if other.poll() is not None]
    finally:
        for other in others:
            other.kill()
            other.wait()
    if code or not os.path.exists(MARKER):
        return "run %d" % code
    return "%d left, %d of others killed" % (left, len(dead)) if left or dead else good


def bomb(version, policy, user=None):
    """Three hundred processes that fork on. Without walls they stay; there they only sleep, so that they can be counted; they end with their pid namespace."""
    if WALLS:
        return held(version, policy, ["/usr/bin/python3", "-c", BOMB.replace("FORKS_ON", "True")], None, user, "emptied")
    alone()
    if os.environ.get("ALONE") is None:
        return "NOT RUN: no pid namespace to do it in"
    os.makedirs("w", exist_ok=True)
    place = os.path.realpath("w")
    subprocess.run(["setsid", "/usr/bin/python3", "-c", BOMB.replace("FORKS_ON", "False")], cwd=place, stdout=subprocess.DEVNULL)
    left = those_in(place)
    return "left behind" if left > 200 else "%d left" % left
