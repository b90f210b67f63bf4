"""What probes in Python share: raw system calls, and talking to the gateway byte for byte.

`OUT` is the case's own directory outside of the workspace, with `file`, `directory` and `secret` in it, which everybody's
mode bits let read and write. `VICTIM` is the id of a process outside, of the uid that started the job.
"""
import base64
import ctypes
import errno
import mmap
import os
import re
import signal
import socket
import ssl
import sys
import urllib.parse

OUT = os.environ.get("OUT", "")
VICTIM = int(os.environ.get("VICTIM", "0"))
DIRECTORY = os.environ.get("LAB", "")

# DNS over HTTPS (RFC 8484): the address of evil.example.
QUERY = "/dns-query?dns=AAABAAABAAAAAAAABGV2aWwHZXhhbXBsZQAAAQAB"

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def cache():
    """An archive as containers of GitLab's Docker executor have it, of all jobs; on a machine, in a directory like theirs."""
    return ("/cache" if os.path.isdir("/cache/project") else DIRECTORY + "/cache") + "/project/cache.zip"


def call(number, *arguments):
    """syscall(2), with its error as an exception."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    answer = libc.syscall(ctypes.c_long(number), *words)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def machine_code(code):
    """Runs x86-64 machine code in a child of its own; a death by SIGSYS is ENOSYS, what it leaves in eax is returned."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        memory.write(code + b"\xc3")
        answer = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
        os.write(writer, str(answer).encode())
        os._exit(0)
    os.close(writer)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        raise SystemExit("killed: " + signal.Signals(os.WTERMSIG(status)).name)
    answer = int(os.read(reader, 32))
    if -4096 < answer < 0:
        raise OSError(-answer, os.strerror(-answer))
    return answer


def device(name):
    """The number of a network device; asked for by netlink, since the C library makes a UDP socket for it."""
    found = [index for index, known in socket.if_nameindex() if known == name]
    if not found:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    return found[0]


def gateway():
    """Host, port and the field that shows the ticket, from the variables that every client reads."""
    url = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
    shown = base64.b64encode(("%s:%s" % (url.username, url.password)).encode()).decode()
    return url.hostname, url.port, "Proxy-Authorization: Basic %s\r\n" % shown


def verdict(answer):
    """`403 network/tunnel` of a refusal, `200` of an answer, `closed` of nothing."""
    if not answer:
        return "closed"
    status = answer.split(b" ")[1].decode()
    rule = re.search(rb"\[([a-z]+/[a-z]+)\]", answer)
    return status + (" " + rule.group(1).decode() if rule else "")


def is_whole(answer):
    """Whether an HTTP answer has come to the end that it announced: the connection may be kept after it."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return len(body) >= int(length.group(1)) if length else body.endswith(b"0\r\n\r\n")


def receive(connection):
    data = b""
    try:
        while not is_whole(data) and (more := connection.recv(65536)):
            data += more
    except ConnectionResetError:
        pass
    return data


def send(request):
    """Sends bytes to the gateway, with `TICKET` replaced by the field that shows it; returns all that comes back."""
    host, port, ticket = gateway()
    if isinstance(request, str):
        request = request.encode()
    with socket.create_connection((host, port), 15) as connection:
        connection.sendall(request.replace(b"TICKET\r\n", ticket.encode()))
        return receive(connection)


def connect(target, fields="", host=None):
    """CONNECT; returns the connection once it is a tunnel, and ends the probe with the verdict otherwise."""
    address, port, ticket = gateway()
    connection = socket.create_connection((address, port), 15)
    named = "" if host is None else "Host: %s\r\n" % host
    request = "CONNECT %s HTTP/1.1\r\n%s%s%s\r\n" % (target, named, ticket, fields)
    connection.sendall(request.encode() if isinstance(request, str) else request)
    head = b""
    while b"\r\n\r\n" not in head:
        more = connection.recv(1)
        if not more:
            raise SystemExit(verdict(head))
        head += more
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(verdict(head + receive(connection)))
    return connection


def through(target, data):
    """What a tunnel to `target` answers to `data`: `closed`, or `works`."""
    with connect(target) as connection:
        connection.sendall(data)
        try:
            return "works" if connection.recv(4096) else "closed"
        except ConnectionResetError:
            return "closed"


def https(target, name, path="/", host=None):
    """A TLS connection in a tunnel, asking for `name`, and one request; returns the answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with context.wrap_socket(connect(target), server_hostname=name) as secured:
            secured.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, host or name)).encode())
            return receive(secured)
    except ConnectionResetError:
        raise SystemExit("closed")
    except ssl.SSLError as error:
        # An alert is an answer; an end in the middle is none.
        raise SystemExit("alert" if "ALERT" in str(error.reason) else "closed")


def hello(names=("allowed.example",), extensions=b""):
    """A TLS ClientHello in one record, with a server_name extension that has `names` (none: without it)."""
    listed = b"".join(b"\0" + len(name).to_bytes(2, "big") + name.encode() for name in names)
    server_name = b"\0\0" + (len(listed) + 2).to_bytes(2, "big") + len(listed).to_bytes(2, "big") + listed if names else b""
    rest = bytes.fromhex("002b0003020304") + bytes.fromhex("000a00040002001d") + bytes.fromhex("000d0006000404030804")
    share = bytes.fromhex("003300260024001d0020") + bytes(range(1, 33))
    body = b"\x03\x03" + bytes(32) + b"\0" + bytes.fromhex("00021301") + b"\x01\0"
    known = server_name + rest + share + extensions
    body += len(known).to_bytes(2, "big") + known
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


def messages(body, path="/v1/messages", fields="", method="POST"):
    """Asks the provider's route, with the ticket as its token; returns the verdict."""
    url = urllib.parse.urlsplit(os.environ["ANTHROPIC_BASE_URL"])
    data = body if isinstance(body, bytes) else body.encode()
    head = "%s %s%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nanthropic-version: 2023-06-01\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    filled = head % (method, url.path, path, url.netloc, os.environ["ANTHROPIC_AUTH_TOKEN"], fields, len(data))
    with socket.create_connection((url.hostname, url.port), 15) as connection:
        connection.sendall(filled.encode() + data)
        return verdict(receive(connection))
