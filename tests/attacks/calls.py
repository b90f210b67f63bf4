"""Makes every system call by its number, each in a process of its own: calls.py native|x32|i386 [drop]

Every argument is -1: no pointer, no descriptor, no process, no size, so that a call that the kernel takes does nothing. Prints
`NUMBER: RESULT`, where a result is `ok`, the name of an error, `signal N`, `ended` when the process
ended without a word, or `blocked`.
With `drop` the calls are made without any privilege.
"""
import ctypes, errno, mmap, os, resource, select, signal, struct, sys, time

C = ctypes.CDLL(None, use_errno=True)
X32 = 0x40000000
LAST = 1024
# vfork returns twice on one stack, which only its assembly wrapper bears; every subprocess of Python's uses it.
NOT_MADE = {"x86_64": {58}, "i386": {190}}


def native(number):
    result = C.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
    return 0 if result != -1 else ctypes.get_errno()


def i386(number):
    # push rbx, rbp; ebx, ecx, edx, esi, edi, ebp = -1; eax = number; int 0x80; pop rbp, rbx; ret
    registers = b"".join(bytes([0xB8 + register]) + b"\xff" * 4 for register in (3, 1, 2, 6, 7, 5))
    code = b"\x53\x55" + registers + b"\xb8" + struct.pack("<I", number) + b"\xcd\x80\x5d\x5b\xc3"
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()
    return -result if -4096 < result < 0 else 0


def fork():
    """A process, with patience while others of the same user have taken them all."""
    for _ in range(100):
        try:
            return os.fork()
        except BlockingIOError:
            time.sleep(0.1)
    return os.fork()


def alone(call, number, drop):
    """The call in a process of its own, which says the answer through a pipe."""
    there, here = os.pipe()
    child = fork()
    if child == 0:
        # A call that makes a process leaves two, of which one speaks.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.setsid()
        if drop:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        me = os.getpid()
        answer = call(number)
        if os.getpid() == me:
            os.write(here, struct.pack("i", answer))
        os._exit(0)
    os.close(here)
    blocked = not select.select([there], [], [], 2)[0]
    if blocked:
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    answer = b"" if blocked else os.read(there, 4)
    os.close(there)
    if blocked:
        return "blocked"
    if os.WIFSIGNALED(status):
        return "signal %d" % os.WTERMSIG(status)
    if len(answer) < 4:
        return "ended"
    answer = struct.unpack("i", answer)[0]
    return errno.errorcode.get(answer, str(answer)) if answer else "ok"


kind = sys.argv[1]
drop = "drop" in sys.argv and os.getuid() == 0
call = {"native": native, "x32": lambda number: native(X32 | number), "i386": i386}[kind]
left_out = NOT_MADE.get("i386" if kind == "i386" else os.uname().machine, set())
for number in range(LAST):
    if number not in left_out or kind == "x32":
        print("%d: %s" % (number, alone(call, number, drop)), flush=True)
