"""Unix sockets of services outside, and an agent that tries to reach them. A service answers a descriptor of a file outside."""
import array
import os
import socket
import subprocess
import threading

from run import POLICY, words

# As they lie below /run, /var/run, /tmp and homes: engines, buses, agents, terminals, displays, name caches.
SERVICES = ["run/docker.sock", "run/containerd/containerd.sock", "run/podman/podman.sock", "run/buildkit/buildkitd.sock", "run/dbus/system_bus_socket",
            "run/user/1000/bus", "run/systemd/private", "tmp/ssh-XXXXXX/agent.100", "home/.gnupg/S.gpg-agent", "tmp/tmux-1000/default", "tmp/.X11-unix/X0",
            "run/nscd/socket"]
TYPES = {"stream": socket.SOCK_STREAM, "dgram": socket.SOCK_DGRAM, "seqpacket": socket.SOCK_SEQPACKET}

PROBE = """import array, errno, os, socket, sys
def answer(s):
    s.settimeout(5)
    data, controls, _, _ = s.recvmsg(16, 64)
    number = array.array("i", controls[0][2][:4])[0]
    if os.read(number, 7) != b"outside": raise OSError(errno.EIO, "")
found = set()
for path in sys.argv[1:]:
    path = path.replace("@", chr(0))
    try:
%s
        found.add("works")
    except OSError as error: found.add(errno.errorcode.get(error.errno, repr(error)))
    if os.path.exists("own"): os.unlink("own")
print(" and ".join(sorted(found)))
"""


def serve(address, kind):
    """Answers one message with a descriptor of a file outside."""
    server = socket.socket(socket.AF_UNIX, kind)
    server.bind(address)
    if address[0] != "\0":
        os.chmod(address, 0o777)
    if kind != socket.SOCK_DGRAM:
        server.listen()

    def answer():
        with open(os.environ["OUT"] + "/secret") as secret:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [secret.fileno()]))]
            if kind == socket.SOCK_DGRAM:
                _, sender = server.recvfrom(16)
                # Its name is relative to a directory that only the sender knows.
                sender = sender if isinstance(sender, bytes) else os.path.realpath("w") + "/" + sender
                server.sendmsg([b"x"], rights, 0, sender)
            else:
                connection = server.accept()[0]
                connection.recv(16)
                connection.sendmsg([b"x"], rights)

    threading.Thread(target=answer, daemon=True).start()


def around(attempt, socket_type, names=("service",), policy=""):
    os.makedirs("w")
    os.chmod(".", 0o755)
    addresses = []
    for name in names:
        address = name % os.getpid() if name[0] == "\0" else os.path.relpath("o/" + name)
        if name[0] != "\0":
            os.makedirs(os.path.dirname(address), exist_ok=True)
        serve(address, TYPES[socket_type])
        addresses.append(address.replace("\0", "@") if name[0] == "\0" else os.path.realpath(address))
    code = PROBE % "\n".join("        " + line for line in attempt.split("\n"))
    text = POLICY + policy + '[network]\nfence = "broker"\n' if not policy else POLICY.replace("[process]\n", policy) + '[network]\nfence = "broker"\n'
    done = subprocess.run(words(["/usr/bin/python3", "-c", code, *addresses], policy=text), cwd="w", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = done.stdout.decode("utf-8", "replace").strip()
    print(lines)
    print("result: " + lines.split("\n")[-1], flush=True)
    os._exit(0)
