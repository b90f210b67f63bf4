# line: write to PATH dirs, ld.so.preload
# control: works
# inside: EACCES
import os

# What the kernel runs when a process dumps its memory.
os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)
