"""probe.py CASE.py: runs one probe and prints what came of it, `result: works` or the error's name.

A probe may set `result` itself, or end with SystemExit("its result").
"""
import errno
import os
import runpy
import socket
import ssl
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def tried(path):
    try:
        return str(runpy.run_path(path).get("result", "works"))
    except SystemExit as end:
        return str(end.code)
    except ssl.SSLError as error:
        return "TLS %s" % error.reason
    except socket.gaierror as error:
        return {v: k for k, v in vars(socket).items() if k.startswith("EAI_")}.get(error.errno, "EAI")
    except TimeoutError as error:
        return errno.errorcode.get(error.errno, "timed out")
    except OSError as error:
        return errno.errorcode.get(error.errno, repr(error))


print("result: " + tried(sys.argv[1]), flush=True)
