"""Visits far ends of stage.sh as a client that knows of no proxy: visitor.py CA. Prints a line for each visit."""

import errno
import http.client
import os
import socket
import ssl
import sys
import time


def visit(what, attempt):
    start = time.monotonic()
    try:
        result = attempt()
    except socket.gaierror:
        result = "no such name"
    except http.client.RemoteDisconnected:
        result = "closed"
    except ssl.SSLError:
        result = "closed"
    except OSError as error:
        result = errno.errorcode.get(error.errno, str(error))
    slow = "" if time.monotonic() - start < 1 else ", slowly"
    print(f"{what}: {result}{slow}", flush=True)


def get(host, port, name=None):
    connection = http.client.HTTPConnection(host, port, timeout=5)
    connection.request("GET", "/", headers={"Host": f"{name or host}:{port}"})
    answer = connection.getresponse()
    return f"{answer.status} {answer.read().decode().split(':')[0]}"


def get_tls(host, port, name=None):
    context = ssl.create_default_context(cafile=sys.argv[1])
    connection = socket.create_connection((host, port), 5)
    with context.wrap_socket(connection, server_hostname=name or host) as stream:
        stream.sendall(f"GET / HTTP/1.0\r\nHost: {name or host}\r\n\r\n".encode())
        return stream.makefile().read().splitlines()[-1]


def service(place):
    host, port = place.rsplit(":", 1)
    return socket.create_connection((host, int(port)), 5).makefile().read()


def echo(family, kind, address):
    here, there = socket.socket(family, kind), socket.socket(family, kind)
    here.bind((address, 0))
    there.sendto(b"x", here.getsockname())
    return here.recv(1).decode() + " came"


visit("allowed, plain", lambda: get("allowed.example", 8080))
visit("allowed, TLS", lambda: get_tls("allowed.example", 8443))
visit("evil by name", lambda: get("evil.example", 8080))
visit("evil by address", lambda: get("198.51.100.7", 8080))
visit("evil by the door of hosts", lambda: get("allowed.example", 8080, "evil.example"))
visit("evil by the door of hosts, TLS", lambda: get_tls("allowed.example", 8443, "evil.example"))
visit("allowed by address", lambda: get("203.0.113.5", 8080))
visit("service by name", lambda: service("database:5432"))
visit("service by variable", lambda: service(os.environ.get("TIDEWAITER_SERVICE_DATABASE_5432", "database:5432")))
visit("UDP on loopback", lambda: echo(socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"))
visit("UDP outside", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("198.51.100.7", 53)) and "sent")
visit("IPv6 on loopback", lambda: echo(socket.AF_INET6, socket.SOCK_DGRAM, "::1"))
visit("IPv4 in IPv6, outside", lambda: socket.socket(socket.AF_INET6).connect(("::ffff:198.51.100.7", 8080)) or "connected")
