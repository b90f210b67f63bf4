# line: fork bomb, memory, disk
# control: works
# inside: EFBIG
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open("large", "wb") as file:
    for _ in range(80):
        file.write(bytes(1 << 20))
