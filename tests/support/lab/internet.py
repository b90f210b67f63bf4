"""Everything outside: internet.py DIRECTORY, run in a network namespace of its own by internet.sh.

Events that it writes (see seen.py):
  tcp ADDRESS:PORT   a SYN, the first packet of a connection; `fast ADDRESS:PORT` one that carries data
  udp ADDRESS:PORT   a datagram        icmp ADDRESS    an echo        ip NUMBER ADDRESS   any other protocol
  dns NAME           a question to the name server
  tls HOST NAME      a handshake at HOST that asked for NAME (`-` for none); HOST is the name that owns the address
  http HOST METHOD TARGET HOSTFIELD      a request at HOST
  bytes HOST PORT    anything at all that was sent to HOST on a port that is not HTTP
  overridden HOST    a field that asks for another method     smuggled HOST   a chunk's extension or trailer
"""
import itertools
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

from seen import Seen

DIRECTORY = sys.argv[1]
seen = Seen(DIRECTORY)

OWNERS = {
    "198.51.100.66": "attacker",
    "203.0.113.10": "allowed",
    "203.0.113.20": "provider",
    "203.0.113.30": "gitlab",
    "169.254.169.254": "metadata",
    "168.63.129.16": "azure",
    "100.100.100.200": "alibaba",
    "172.17.0.1": "docker-host",
    "10.77.0.3": "postgres",
}
NAMES = {
    "allowed.example": ["203.0.113.10"],
    "also.allowed.example": ["203.0.113.10"],
    "provider.example": ["203.0.113.20"],
    "gitlab.example": ["203.0.113.30"],
    "evil.example": ["198.51.100.66"],
    "evil-allowed.example": ["198.51.100.66"],
    "xallowed.example": ["198.51.100.66"],
    "allowed.example.evil.example": ["198.51.100.66"],
    "evil.allowed.example": ["198.51.100.66"],
    "xn--llowed-8ve.example": ["198.51.100.66"],
    "example": ["198.51.100.66"],
    "rebind.example": ["127.0.0.1"],
    "inner.example": ["10.77.0.3"],
    "linklocal.example": ["169.254.1.1"],
    "mixed.example": ["203.0.113.10", "169.254.169.254"],
    "flip.example": ["203.0.113.10", "169.254.169.254"],
    "metadata.google.internal": ["169.254.169.254"],
    "host.docker.internal": ["172.17.0.1"],
    "postgres": ["10.77.0.3"],
}


METHODS = (b"GET ", b"POST", b"PUT ", b"HEAD")


def thread(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def sniff():
    """Every packet that came in, on whatever protocol."""
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    while True:
        packet, (device, kind, direction, *_) = tap.recvfrom(256)
        if device == "lo" or direction == 4:
            continue
        if kind == 0x0800 and len(packet) >= 20:
            length, total = (packet[0] & 15) * 4, struct.unpack("!H", packet[2:4])[0]
            note(packet[9], socket.inet_ntop(socket.AF_INET, packet[16:20]), packet[length:], total - length)
        elif kind == 0x86DD and len(packet) >= 40:
            note(packet[6], "[%s]" % socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[40:], struct.unpack("!H", packet[4:6])[0])


def note(protocol, to, rest, length):
    if protocol == socket.IPPROTO_TCP:
        port, offset, flags = struct.unpack("!H", rest[2:4])[0], (rest[12] >> 4) * 4, rest[13]
        if flags & 0x12 == 0x02:
            seen("%s %s:%d" % ("fast" if length > offset else "tcp", to, port))
    elif protocol == socket.IPPROTO_UDP:
        seen("udp %s:%d" % (to, struct.unpack("!H", rest[2:4])[0]))
    elif protocol == socket.IPPROTO_ICMP:
        seen("icmp " + to)
    elif protocol == socket.IPPROTO_ICMPV6:
        # Neighbours and routers look for each other by themselves.
        if rest[0] in (128, 129):
            seen("icmp " + to)
    elif protocol != 0:
        seen("ip %d %s" % (protocol, to))


turn = itertools.count()


def question(packet):
    """The name and type of a query's only question, and where it ends."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("latin-1"))
        at += packet[at] + 1
    return ".".join(labels).lower(), struct.unpack("!H", packet[at + 1 : at + 3])[0], at + 5


def answer(packet):
    name, kind, end = question(packet)
    seen("dns " + name)
    found = NAMES.get(name, []) if kind == 1 else []
    if name == "flip.example" and kind == 1:
        # Another address each time, as a rebinding name server gives them.
        found = [NAMES[name][next(turn) % 2]]
    records = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + socket.inet_aton(address) for address in found)
    flags = 0x8180 if name in NAMES else 0x8183
    return packet[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + packet[12:end] + records


def dns_udp():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("203.0.113.53", 53))
    while True:
        packet, client = server.recvfrom(2048)
        try:
            server.sendto(answer(packet), client)
        except (IndexError, struct.error):
            pass


def dns_tcp(connection, _host, _port):
    length = struct.unpack("!H", connection.recv(2))[0]
    reply = answer(connection.recv(length))
    connection.sendall(struct.pack("!H", len(reply)) + reply)


def http(connection, host, port):
    """Answers requests, a second one only where it came with the first; a body is read to its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            if data:
                seen("bytes %s %d" % (host, port))
            return
        data += more
    while b"\r\n\r\n" in data:
        data = one(connection, host, data)


def scripted(asked):
    """The events of a model that asks for one command, `attempt.sh`, where it has tools, and is content with what comes back."""
    runs = bool(asked.get("tools")) and "tool_result" not in json.dumps(asked["messages"])
    block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": "It is done."}
    if runs:
        # The tool's own switch for a sandbox of the agent's program.
        command = {"command": "sh attempt.sh", "description": "Run it", "dangerouslyDisableSandbox": True}
        block = {"type": "tool_use", "id": "toolu_scripted_%d" % next(turn), "name": "Bash", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(command)}
    message = {"id": "msg_scripted_%d" % next(turn), "type": "message", "role": "assistant", "model": asked["model"], "content": [],
               "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}
    ended = {"stop_reason": "tool_use" if runs else "end_turn", "stop_sequence": None}
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return "".join("event: %s\ndata: %s\n\n" % (event["type"], json.dumps(event)) for event in events).encode()


def one(connection, host, data):
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    fields = dict((name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:]))
    words = lines[0].split(" ")
    target = words[1] if len(words) > 1 else "-"
    seen("http %s %s %s %s" % (host, words[0], target, fields.get("host", "-")))
    if "x-http-method-override" in fields:
        seen("overridden " + host)
    if "chunked" in fields.get("transfer-encoding", ""):
        while b"0\r\n" not in body:
            body += connection.recv(65536)
        if b"smuggled" in body:
            seen("smuggled " + host)
        body = b""
    length = 0 if "transfer-encoding" in fields else int(fields.get("content-length", "0"))
    while len(body) < length:
        body += connection.recv(65536)
    if target.startswith("/redirect"):
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    elif target.startswith("/switch"):
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    elif host == "provider" and b'"stream":true' in body:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + scripted(json.loads(body)))
    else:
        text = ("this is " + host).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(text), text))
    return body[length:]


def https(connection, host, port):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DIRECTORY + "/pki/server.pem", DIRECTORY + "/pki/server.key")
    context.sni_callback = lambda _socket, name, _context: seen("tls %s %s" % (host, name or "-"))
    first = connection.recv(4, socket.MSG_PEEK)
    if not first:
        return
    if first[0] != 0x16:
        return http(connection, host, port) if first in METHODS else swallow(connection, host, port)
    seen("bytes %s %d" % (host, port))
    with context.wrap_socket(connection, server_side=True) as secured:
        http(secured, host, port)


def swallow(connection, host, port):
    if connection.recv(4096):
        seen("bytes %s %d" % (host, port))
    connection.sendall(b"hello\r\n")


def serve(connection, client, speak):
    address, port = connection.getsockname()[:2]
    host = OWNERS.get(address.replace("::ffff:", ""), address)
    try:
        connection.settimeout(10)
        speak(connection, host, port)
    except (OSError, ValueError, struct.error):
        pass
    finally:
        connection.close()


def listen(port, speak):
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    server.bind(("::", port))
    server.listen(512)

    def accept():
        while True:
            connection, client = server.accept()
            thread(serve, connection, client, speak)

    thread(accept)


def datagrams(port, protocol=0):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, protocol)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", port))
    while True:
        _, client = server.recvfrom(2048)
        server.sendto(b"hello", client)


def multipath():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    server.bind(("198.51.100.66", 8262))
    server.listen(16)
    while True:
        server.accept()[0].close()


thread(sniff)
thread(dns_udp)
thread(datagrams, 443)
thread(datagrams, 5353)
for plain in (80, 8080):
    listen(plain, http)
for secure in (443, 8443):
    listen(secure, https)
listen(53, dns_tcp)
for other in (22, 853, 3128, 5432):
    listen(other, swallow)
try:
    thread(multipath)
except OSError:
    pass
time.sleep(0.3)
open(DIRECTORY + "/internet.ready", "w").close()
while True:
    threading.Event().wait()
