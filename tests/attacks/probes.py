"""Attacks on the walls: name, what must happen outside, what must happen inside, and the attempt.

Run in an empty directory beside a directory `out` with a file `file` in it, as `probes.py outside` or `probes.py inside`.
Prints a marker before each attempt and its result after it; exits 1 where a result is not the expected one. A result is
`ok` or the name of an error. The first lines are positive controls: they work on both sides.
"""
import ctypes, errno, mmap, os, resource, signal, socket, struct, sys

C = ctypes.CDLL(None, use_errno=True)
FAST_OPEN = 0x20000000
OUT = "../out/file"


def check(answer):
    if answer < 0:
        raise OSError(ctypes.get_errno(), "")


def tcp():
    return socket.socket()


def through_link():
    os.path.islink("link") or os.symlink(OUT, "link")
    open("link")


def remade(name):
    """Makes again outside what an attempt took away."""
    with open(name, "w") as file:
        file.write("outside\n")


def queue():
    queue = C.msgget(0, 0o1600)
    check(queue)
    C.msgctl(queue, 0, None)


def machine_code(code):
    """What becomes of a process that executes it."""
    child = os.fork()
    if child == 0:
        memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        memory.write(code + b"\xc3")
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        raise OSError(errno.ENOSYS, "") if os.WTERMSIG(status) == signal.SIGSYS else OSError(errno.EFAULT, "")


def parent(file):
    with open("/proc/%d/%s" % (os.getppid(), file), "rb") as opened:
        opened.read(0)


PROBES = [
    ("write in the workspace", "ok", "ok", lambda: remade("own")),
    ("linking from directory to directory", "ok", "ok", lambda: (os.mkdir("a"), remade("a/one"), os.link("a/one", "two"))),
    ("moving from directory to directory", "ok", "ok", lambda: os.rename("a/one", "three")),
    ("a TCP socket, any port", "ok", "ok", lambda: tcp().bind(("127.0.0.1", 0))),
    ("a process", "ok", "ok", lambda: machine_code(b"\x90")),
    # Network.
    ("UDP", "ok", "EACCES", lambda: socket.socket(2, 2)),
    ("UDP-Lite", "ok", "EACCES", lambda: socket.socket(2, 2, 136)),
    ("MPTCP", "ok", "EACCES", lambda: socket.socket(2, 1, 262)),
    ("IPv6", "ok", "EAFNOSUPPORT", lambda: socket.socket(10, 1)),
    ("IPv6, high bits of the argument", "ok", "EAFNOSUPPORT", lambda: check(C.syscall(ctypes.c_long(41), ctypes.c_long(1 << 32 | 10), ctypes.c_long(1), ctypes.c_long(0)))),
    ("UDP, high bits of the argument", "ok", "EACCES", lambda: check(C.syscall(ctypes.c_long(41), ctypes.c_long(1 << 32 | 2), ctypes.c_long(1 << 32 | 2), ctypes.c_long(0)))),
    ("netlink of another family", "ok", "EACCES", lambda: socket.socket(16, 3, 15)),
    ("a datagram pair", "ok", "EPERM", lambda: socket.socketpair(1, 2)),
    ("a datagram pair with flags", "ok", "EPERM", lambda: socket.socketpair(1, 2 | socket.SOCK_CLOEXEC)),
    ("unbinding by name", "ok", "EPERM", lambda: tcp().setsockopt(1, 25, b"")),
    ("unbinding by number", "ok", "EPERM", lambda: tcp().setsockopt(1, 62, 0)),
    ("another range of ports", "ok", "EPERM", lambda: tcp().setsockopt(0, 51, 0)),
    ("fast open by option", "ok", "EPERM", lambda: tcp().setsockopt(6, 30, 1)),
    ("fast open by sendto", "ECONNREFUSED", "EPERM", lambda: tcp().sendto(b"x", FAST_OPEN, ("127.0.0.1", 9))),
    ("fast open by sendmsg", "ECONNREFUSED", "EPERM", lambda: tcp().sendmsg([b"x"], [], FAST_OPEN, ("127.0.0.1", 9))),
    ("a port of others", "ECONNREFUSED", "EACCES", lambda: tcp().connect(("127.0.0.1", 9))),
    ("binding a port of others", "ok", "EACCES", lambda: tcp().bind(("127.0.0.1", 20009))),
    ("i386 getpid", "ok", "ENOSYS", lambda: machine_code(b"\xb8\x14\0\0\0\xcd\x80")),
    ("i386 socket", "ok", "ENOSYS", lambda: machine_code(b"\x53\xb8\x67\x01\0\0\xbb\x02\0\0\0\xb9\x01\0\0\0\x31\xd2\xcd\x80\x5b")),
    # Processes.
    ("a signal to the parent", "ok", "EPERM", lambda: os.kill(os.getppid(), 0)),
    ("a signal through a descriptor", "ok", "EPERM", lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)),
    ("the parent's environment", "ok", "EACCES", lambda: parent("environ")),
    ("the parent's memory", "ok", "EACCES", lambda: parent("mem")),
    ("the parent's maps", "ok", "EACCES", lambda: parent("maps")),
    ("the parent's root", "ok", "EACCES", lambda: os.listdir("/proc/%d/root" % os.getppid())),
    ("the parent's limits", "ok", "EPERM", lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)),
    ("the parent's priority", "ok", "EPERM", lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), os.getpriority(os.PRIO_PROCESS, os.getppid()))),
    ("the parent's processors", "ok", "EPERM", lambda: os.sched_setaffinity(os.getppid(), os.sched_getaffinity(os.getppid()))),
    ("a message queue", "ok", "ENOSYS", queue),
    ("modify_ldt", "ok", "EPERM", lambda: check(C.syscall(154, 0, ctypes.create_string_buffer(16), 0))),
    ("executable data", "ok", "EPERM", lambda: check(C.personality(0x400000))),
    # Files.
    ("reading", "ok", "EACCES", lambda: open(OUT)),
    ("reading past the root link", "ok", "EACCES", lambda: open("/proc/self/root" + os.path.realpath(OUT))),
    ("reading through a link", "ok", "EACCES", through_link),
    ("opening an O_PATH descriptor again", "ok", "EACCES", lambda: open("/proc/self/fd/%d" % os.open(OUT, os.O_PATH))),
    ("truncating", "ok", "EACCES", lambda: os.truncate(OUT, 0)),
    ("linking", "ok", "EXDEV", lambda: os.link(OUT, "hard")),
    ("making a file", "ok", "EACCES", lambda: remade("../out/new")),
    ("making a directory", "ok", "EACCES", lambda: os.mkdir("../out/directory")),
    ("moving away", "ok", "EACCES", lambda: (os.rename(OUT, "moved"), remade(OUT))),
    ("exchanging", "ok", "EACCES", lambda: check(C.renameat2(-100, OUT.encode(), -100, b"own", 2))),
    ("removing", "ok", "EACCES", lambda: (os.unlink(OUT), remade(OUT))),
]


def result(attempt):
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "ok"


def main(side):
    wrong = 0
    for name, outside, inside, attempt in PROBES:
        expected = outside if side == "outside" else inside
        print("trying:", name, flush=True)
        got = result(attempt)
        print("%s: %s: %s%s" % (side, name, got, "" if got == expected else ", EXPECTED " + expected), flush=True)
        wrong += got != expected
    print("%s: %d tried, %d wrong" % (side, len(PROBES), wrong))
    sys.exit(wrong > 0)


main(sys.argv[1])
