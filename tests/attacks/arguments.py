"""Calls with the arguments that a rule looks at: name, what must happen outside, what must happen inside, and the call.

Prints `NAME: RESULT` for each; a result is `ok` or the name of an error. With `expected outside` or `expected inside` it
prints what must happen instead. Bad descriptors and empty sizes show that a call got as far as the kernel: EBADF is the
kernel's word, EPERM on the same call is the filter's. Outside, namespaces need root.
"""
import ctypes, errno, os, signal, socket, sys

C = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"
CLONE, CLONE3, IOPRIO_SET, SCHED_SETATTR = (56, 435, 251, 314) if X86 else (220, 435, 30, 274)
FAST_OPEN = 0x20000000
ATTRIBUTES = ctypes.create_string_buffer(b"\x30\0\0\0", 48)
SET = ctypes.create_string_buffer(b"\xff" * 128, 128)
NONE = ctypes.create_string_buffer(4)
LIMIT = ctypes.create_string_buffer(16)


def another():
    """A process that others may be asked about, and a group of our own, so that nobody else's priority changes."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    child = os.fork()
    if child == 0:
        signal.pause()
    return child


def call(function, *arguments):
    """A call of the C library by name, or of the kernel by number."""
    function = getattr(C, function) if isinstance(function, str) else (lambda *rest, number=function: C.syscall(ctypes.c_long(number), *rest))
    result = function(*[ctypes.c_long(one) if isinstance(one, int) else one for one in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


ANOTHER = another()


def clone(flags):
    child = call(CLONE, flags | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


NAMESPACES = [("NEWNS", 17), ("NEWCGROUP", 25), ("NEWUTS", 26), ("NEWIPC", 27), ("NEWUSER", 28), ("NEWPID", 29), ("NEWNET", 30)]

CALLS = [
    ("clone", "ok", "ok", lambda: clone(0)),
    *[("clone CLONE_" + name, "ok", "EPERM", lambda bit=bit: clone(1 << bit)) for name, bit in NAMESPACES],
    ("clone of two", "ok", "EPERM", lambda: clone(1 << 28 | 1 << 30)),
    ("clone3", "EINVAL", "ENOSYS", lambda: call(CLONE3, SET, 0)),
    ("prlimit of 0", "ok", "ok", lambda: call("prlimit", 0, 7, None, LIMIT)),
    ("prlimit of another", "ok", "EPERM", lambda: call("prlimit", ANOTHER, 7, None, LIMIT)),
    ("sched_setaffinity of 0", "ok", "ok", lambda: call("sched_setaffinity", 0, 128, SET)),
    ("sched_setaffinity of another", "ok", "EPERM", lambda: call("sched_setaffinity", ANOTHER, 128, SET)),
    ("sched_setscheduler of 0", "ok", "ok", lambda: call("sched_setscheduler", 0, 0, NONE)),
    ("sched_setscheduler of another", "ok", "EPERM", lambda: call("sched_setscheduler", ANOTHER, 0, NONE)),
    ("sched_setparam of 0", "ok", "ok", lambda: call("sched_setparam", 0, NONE)),
    ("sched_setparam of another", "ok", "EPERM", lambda: call("sched_setparam", ANOTHER, NONE)),
    ("sched_setattr of 0", "ok", "ok", lambda: call(SCHED_SETATTR, 0, ATTRIBUTES, 0)),
    ("sched_setattr of another", "ok", "EPERM", lambda: call(SCHED_SETATTR, ANOTHER, ATTRIBUTES, 0)),
    ("setpriority of 0", "ok", "ok", lambda: call("setpriority", 0, 0, 10)),
    ("setpriority of another", "ok", "EPERM", lambda: call("setpriority", 0, ANOTHER, 0)),
    ("setpriority of a group", "ok", "EPERM", lambda: call("setpriority", 1, 0, 10)),
    ("setpriority of a user", "EINVAL", "EPERM", lambda: call("setpriority", 3, 0, 10)),
    ("ioprio_set of 0", "ok", "ok", lambda: call(IOPRIO_SET, 1, 0, 2 << 13 | 4)),
    ("ioprio_set of another", "ok", "EPERM", lambda: call(IOPRIO_SET, 1, ANOTHER, 2 << 13 | 4)),
    ("ioprio_set of a group", "ok", "EPERM", lambda: call(IOPRIO_SET, 2, 0, 2 << 13 | 4)),
    ("prctl PR_GET_DUMPABLE", "ok", "ok", lambda: call("prctl", 3, 0, 0, 0, 0)),
    ("prctl PR_SCHED_CORE", "EINVAL", "EPERM", lambda: call("prctl", 62, 99, 0, 0, 0)),
    ("socketpair SOCK_STREAM", "ok", "ok", lambda: socket.socketpair(1, 1 | socket.SOCK_CLOEXEC)),
    ("socketpair SOCK_SEQPACKET", "ok", "ok", lambda: socket.socketpair(1, 5 | socket.SOCK_NONBLOCK)),
    ("socketpair SOCK_DGRAM", "ok", "EPERM", lambda: socket.socketpair(1, 2 | socket.SOCK_NONBLOCK)),
    ("socketpair SOCK_RAW", "ok", "ENOSYS", lambda: socket.socketpair(1, 3)),
    ("socketpair AF_INET", "ENOTSUP", "EPERM", lambda: socket.socketpair(2, 1)),
    ("sendto", "EBADF", "EBADF", lambda: call("sendto", -1, None, 0, 0x4000, None, 0)),
    ("sendto MSG_FASTOPEN", "EBADF", "EPERM", lambda: call("sendto", -1, None, 0, FAST_OPEN | 0x4000, None, 0)),
    ("sendmsg", "EBADF", "EBADF", lambda: call("sendmsg", -1, None, 0x4000)),
    ("sendmsg MSG_FASTOPEN", "EBADF", "EPERM", lambda: call("sendmsg", -1, None, FAST_OPEN | 0x4000)),
    ("sendmmsg", "EBADF", "EBADF", lambda: call("sendmmsg", -1, None, 1, 0x4000)),
    ("sendmmsg MSG_FASTOPEN", "EBADF", "EPERM", lambda: call("sendmmsg", -1, None, 1, FAST_OPEN | 0x4000)),
    ("setsockopt IP_TTL", "EBADF", "EBADF", lambda: call("setsockopt", -1, 0, 2, NONE, 4)),
    ("setsockopt IP_LOCAL_PORT_RANGE", "EBADF", "EPERM", lambda: call("setsockopt", -1, 0, 51, NONE, 4)),
    ("setsockopt TCP_NODELAY", "EBADF", "EBADF", lambda: call("setsockopt", -1, 6, 1, NONE, 4)),
    ("setsockopt TCP_FASTOPEN_CONNECT", "EBADF", "EPERM", lambda: call("setsockopt", -1, 6, 30, NONE, 4)),
    ("setsockopt TCP_ULP", "EBADF", "EPERM", lambda: call("setsockopt", -1, 6, 31, NONE, 4)),
    ("setsockopt 30 of another level", "EBADF", "EBADF", lambda: call("setsockopt", -1, 1, 30, NONE, 4)),
    ("ioctl FIONREAD", "EBADF", "EBADF", lambda: call("ioctl", -1, 0x541B, NONE)),
    ("ioctl TIOCSTI", "EBADF", "EPERM", lambda: call("ioctl", -1, 0x5412, NONE)),
    ("ioctl TIOCSTI, high bits", "EBADF", "EPERM", lambda: call("ioctl", -1, 1 << 32 | 0x5412, NONE)),
    ("ioctl TIOCLINUX", "EBADF", "EPERM", lambda: call("ioctl", -1, 0x541C, NONE)),
    ("ioctl TIOCSETD", "EBADF", "EPERM", lambda: call("ioctl", -1, 0x5423, NONE)),
    ("personality, asked", "ok", "ok", lambda: call("personality", 0xFFFFFFFF)),
    ("personality PER_LINUX", "ok", "ok", lambda: call("personality", 0)),
    ("personality ADDR_NO_RANDOMIZE", "ok", "EPERM", lambda: call("personality", 0x40000)),
    ("personality READ_IMPLIES_EXEC", "ok", "EPERM", lambda: call("personality", 0x400000)),
    ("memfd_create", "ok", "ok", lambda: os.memfd_create("name")),
]


def result(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "ok"


for name, outside, inside, attempt in CALLS:
    if "expected" in sys.argv:
        print("%s: %s" % (name, outside if "outside" in sys.argv else inside))
    else:
        print("%s: %s" % (name, result(attempt)), flush=True)
os.kill(ANOTHER, signal.SIGKILL)
