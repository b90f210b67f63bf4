"""What cases share that start Tidewaiter themselves: the command in walls, or as it is without them."""
import os
import subprocess

WALLS = os.environ["WALLS"] == "on"
POLICY = 'version = 1\n[process]\nuid = 61900\n'


def words(command, *options, policy=""):
    """The command line, to be started in a directory that holds the workspace `w`, or in it."""
    if not WALLS:
        return command
    path = os.path.realpath("policy.toml")
    with open(path, "w") as file:
        file.write(policy or POLICY + '[network]\nfence = "broker"\n')
    return [os.environ["TIDEWAITER"], "run", *options, "--policy", path, "--workspace", os.path.realpath("w"), "--", *command]


def inside(command, environment=None):
    """What it prints."""
    done = subprocess.run(words(command), env=environment, cwd="w", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.decode("utf-8", "replace").strip()
