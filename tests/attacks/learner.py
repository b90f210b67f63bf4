"""Does what a policy may not grant, to be enforced, observed or neither: learner.py CA PLACE. Prints a line for each attempt."""

import base64
import ctypes
import errno
import glob
import http.client
import os
import platform
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

ca, place = sys.argv[1:]
MQ_OPEN, UNSHARE = {"x86_64": (240, 272), "aarch64": (180, 97)}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)


def attempt(what, code):
    try:
        result = code()
    except OSError as error:
        result = errno.errorcode.get(error.errno, str(error))
    print(f"{what}: {result}", flush=True)


def read(path):
    with open(path, "rb") as file:
        return "read" if file.read() else "empty"


def write(path):
    with open(path, "w") as file:
        return "written" if file.write("x") else "empty"


def call(*arguments):
    answer = libc.syscall(*arguments)
    return "made" if answer >= 0 else errno.errorcode[ctypes.get_errno()]


def connection(host, port):
    """By the proxy where there is one, by CONNECT."""
    if "HTTPS_PROXY" not in os.environ:
        return http.client.HTTPConnection(host, port, timeout=5)
    proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
    word = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
    made = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=5)
    made.set_tunnel(host, port, {"Proxy-Authorization": f"Basic {word}"})
    return made


def tunnel(host, port):
    made = connection(host, port)
    try:
        made.connect()
    except OSError as error:
        return "403" if " 403 " in str(error) else str(error)
    with ssl.create_default_context(cafile=ca).wrap_socket(made.sock, server_hostname=host) as stream:
        stream.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        return stream.makefile().read().splitlines()[-1]


def plain(host, port):
    opener = urllib.request.build_opener()
    try:
        return opener.open(f"http://{host}:{port}/", timeout=5).read().decode()
    except urllib.error.HTTPError as error:
        return error.code


def secret():
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            found += [path for _ in [0] if b"made-up-provider-key" in open(path, "rb").read()]
        except OSError:
            pass
    return "found" if found else "nowhere"


attempt("a file outside", lambda: read("/etc/passwd"))
attempt("again", lambda: read("/etc/passwd"))
attempt("a file that is not there", lambda: read("/etc/not-there"))
attempt("a denied file", lambda: read("/etc/group"))
attempt("a file of the job's variables", lambda: read(f"{place}/variable"))
attempt("its neighbour", lambda: read(f"{place}/open"))
attempt("a temporary file of others", lambda: read(os.path.dirname(ca) + "/key.pem"))
attempt("the key in an environment", secret)
attempt("a file of the workspace", lambda: write("own"))
attempt("a new file outside", lambda: write(f"{place}/new"))
attempt("a program outside", lambda: subprocess.run([f"{place}/tool"], capture_output=True).stdout.decode().strip())
attempt("an unlisted call", lambda: call(MQ_OPEN, 0))
attempt("a dangerous call", lambda: call(UNSHARE, 0))
attempt("a raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1) and "made")
attempt("an unlisted host by CONNECT", lambda: tunnel("evil.example", 8443))
attempt("an unlisted host by plain HTTP", lambda: plain("evil.example", 8080))
attempt("a listed host", lambda: tunnel("allowed.example", 8443))
attempt("past the proxy", lambda: socket.create_connection(("198.51.100.7", 8080), 5) and "connected")
if "HTTPS_PROXY" in os.environ:
    attempt("a private address", lambda: tunnel("database", 5432))
    attempt("a metadata service", lambda: tunnel("169.254.169.254", 443))
