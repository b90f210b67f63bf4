# line: ptrace, process_vm_readv/writev
# control: works
# inside: EPERM
import ctypes
import struct

from attempt import VICTIM, call

# Where its stack lies is told by maps, which must not be readable inside; any address does to be refused.
try:
    with open("/proc/%d/maps" % VICTIM) as maps:
        stack = [line for line in maps if "[stack]" in line][0]
    address = int(stack.split("-")[1].split(" ")[0], 16) - 4096
except OSError:
    address = 0x400000
own = ctypes.create_string_buffer(8)
local = ctypes.c_char_p(struct.pack("QQ", ctypes.addressof(own), 8))
remote = ctypes.c_char_p(struct.pack("QQ", address, 8))
call(310, VICTIM, local, 1, remote, 1, 0)  # process_vm_readv(2)
