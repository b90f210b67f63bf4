# line: setuid binary (su, sudo, newuidmap)
# control: works
# inside: EPERM
import ctypes
import struct

from attempt import call

head = ctypes.create_string_buffer(struct.pack("Ii", 0x20080522, 0))
body = ctypes.create_string_buffer(struct.pack("IIIIII", 1 << 13, 1 << 13, 0, 0, 0, 0))
call(126, head, body)  # capset(2), CAP_NET_RAW
