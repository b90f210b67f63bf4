"""What listened on loopback, and on unix sockets, before the agent came: loopback.py DIRECTORY, run by internet.sh.

A container engine's name server (127.0.0.11, port 53 and the port behind it), the script's own Redis, a sidecar, daemons with
unix sockets that anyone may connect to; and a proxy that asks nothing, by which an attack can show that it works where
no gateway stands. Events: `loopback ADDRESS:PORT` for a connection or datagram, `unix NAME` for the same on a unix socket.
"""
import ctypes
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
import unicodedata

from seen import Seen

DIRECTORY = sys.argv[1]
seen = Seen(DIRECTORY)
#: Where the proxy that asks nothing listens. No word of this file is a secret.
CARELESS = ("127.0.0.1", 3128)


def thread(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def tcp(address, port):
    server = socket.create_server((address, port), backlog=64)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    while True:
        connection, _ = server.accept()
        seen("loopback %s:%d" % (address, port))
        connection.close()


def udp(address, port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, port))
    while True:
        server.recvfrom(2048)
        seen("loopback %s:%d" % (address, port))


def unix_stream(name, kind=socket.SOCK_STREAM):
    """Answers with a descriptor of its own: who gets it reads a file that was opened outside."""
    server = bound(name, kind)
    server.listen(64)
    while True:
        connection, _ = server.accept()
        seen("unix " + label(name))
        try:
            with open(DIRECTORY + "/home/.netrc") as secret:
                socket.send_fds(connection, [b"take it"], [secret.fileno()])
        except OSError:
            pass
        connection.close()


def unix_datagram(name):
    server = bound(name, socket.SOCK_DGRAM)
    while True:
        server.recvfrom(2048)
        seen("unix " + label(name))


def label(name):
    return name.replace("\0", "@").rpartition("/")[2]


def bound(name, kind):
    server = socket.socket(socket.AF_UNIX, kind)
    server.bind(name)
    if not name.startswith("\0"):
        os.chmod(name, 0o777)
    return server


def careless(connection):
    """Does whatever it is asked: SOCKS, CONNECT to anyone, any URL; other requests go to the allowed host as they come."""
    try:
        if connection.recv(1, socket.MSG_PEEK) == b"\5":
            far, rest = socks(connection), b""
        else:
            far, rest = asked(connection)
        far.sendall(rest)
        thread(pump, far, connection)
        pump(connection, far)
    except (OSError, ValueError, IndexError):
        connection.close()


def socks(connection):
    """RFC 1928, a name up to its NUL."""
    connection.recv(3)
    connection.sendall(b"\5\0")
    length = connection.recv(5)[4]
    name, port = connection.recv(length).decode("latin-1"), struct.unpack("!H", connection.recv(2))[0]
    far = dial(name, port)
    connection.sendall(b"\5\0\0\1\0\0\0\0\0\0")
    return far


def asked(connection):
    head = b""
    while b"\r\n\r\n" not in head and b"\n\n" not in head:
        more = connection.recv(4096)
        if not more:
            raise ValueError(head)
        head += more
    words = head.split(b"\n", 1)[0].decode("latin-1").strip().split(" ")
    method, target = words[0], (" ".join(words[1:-1]) or words[1]).strip()
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        far = dial(host, port)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return far, re.split(rb"\r\n\r\n", head, maxsplit=1)[1]
    if target.startswith("/anthropic"):
        context = ssl.create_default_context(cafile=DIRECTORY + "/pki/ca.pem")
        plain = socket.create_connection(("203.0.113.20", 443), 5)
        return context.wrap_socket(plain, server_hostname="provider.example"), head.replace(b"/anthropic", b"", 1)
    if "://" not in target:
        return dial("allowed.example", "80"), head
    authority, _, path = target.partition("://")[2].partition("/")
    host, _, port = authority.rpartition("@")[2].partition(":")
    return dial(host, port or "80"), head.replace(target.encode("latin-1"), b"/" + path.encode("latin-1"), 1)


def dial(host, port):
    """As a lenient resolver reads it: up to a NUL, without what is not ASCII, other dots folded to one."""
    host = host.encode("latin-1").decode("utf-8", "ignore").partition("\0")[0]
    host = unicodedata.normalize("NFKC", host).replace("\u3002", ".").rpartition("@")[2].strip("[]").rstrip(".")
    host = re.split(r"[#?\\/]", host)[0]
    return socket.create_connection((host, int(port)), 5)


def pump(source, to):
    try:
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def careless_proxy():
    server = socket.create_server(CARELESS, backlog=64)
    while True:
        thread(careless, server.accept()[0])


def shared_memory():
    """A System V segment with a known key, which everybody's mode bits let in."""
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(0x5EC4E7, 4096, 0o1666)
    if segment < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    return segment


shared_memory()
sockets = DIRECTORY + "/sockets"
os.makedirs(sockets, exist_ok=True)
os.chmod(sockets, 0o755)
for name in ("docker.sock", "containerd.sock", "podman.sock", "buildkitd.sock", "system_bus_socket", "session_bus_socket",
             "systemd-private", "ssh-agent", "S.gpg-agent", "tmux", "X0", "nscd"):
    thread(unix_stream, "%s/%s" % (sockets, name))
thread(unix_datagram, sockets + "/log")
thread(unix_stream, sockets + "/packets", socket.SOCK_SEQPACKET)
thread(unix_stream, "\0abstract")
thread(tcp, "127.0.0.11", 53)
thread(tcp, "127.0.0.11", 41999)
thread(tcp, "127.0.0.1", 6379)
thread(tcp, "127.0.0.1", 15020)
thread(udp, "127.0.0.11", 53)
thread(careless_proxy)
time.sleep(0.3)
open(DIRECTORY + "/loopback.ready", "w").close()
while True:
    threading.Event().wait()
