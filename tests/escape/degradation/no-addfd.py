# line: kernel without Landlock
# runs: around
# control: EINVAL
# inside: refused: run 125, doctor 65, job 65
# timeout: 60
from degrade import refused

print("result: " + refused(["ioctl/1=0x40182103=EINVAL"], "check(libc.ioctl(0, ctypes.c_ulong(0x40182103), None))", ["`network`", "making a socket", "ioctl(2)"]))
