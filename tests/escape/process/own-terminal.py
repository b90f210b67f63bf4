# line: TIOCSTI/TIOCLINUX on the job tty
# control: works
# inside: EACCES
# inside netns: EPERM
import fcntl
import os
import termios

# Types into a terminal. Beside others' terminals no new one can be had; where they are the agent's own, nobody types into them.
main = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
fcntl.ioctl(main, 0x40045431, b"\0\0\0\0")  # TIOCSPTLCK: unlocked
terminal = fcntl.ioctl(main, 0x5441, os.O_RDWR | os.O_NOCTTY)  # TIOCGPTPEER
fcntl.ioctl(terminal, termios.TIOCSTI, b"x")
