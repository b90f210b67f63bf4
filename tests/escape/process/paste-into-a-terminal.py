# line: TIOCSTI/TIOCLINUX on the job tty
# control: ENOTTY
# inside: EPERM
import fcntl

# On whatever descriptor: the request itself is refused, before the kernel finds that this is no terminal.
fcntl.ioctl(0, 0x541C, b"\3\0\0\0")
