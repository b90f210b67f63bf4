"""Runs one probe in Python, and prints what came of it: `result: works`, or the error's name.

A probe may set `result` itself, or end with SystemExit("its result").
"""
import errno
import os
import runpy
import socket
import ssl
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def tried(path):
    try:
        return str(runpy.run_path(path).get("result", "works"))
    except SystemExit as end:
        return str(end.code)
    except ssl.SSLError as error:
        return "TLS %s" % error.reason
    except socket.gaierror as error:
        names = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}
        return names.get(error.errno, repr(error))
    except TimeoutError as error:
        return errno.errorcode.get(error.errno, "timed out")
    except OSError as error:
        return errno.errorcode.get(error.errno, repr(error))
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        return "no result"


def main(path):
    print("result: " + tried(path), flush=True)
