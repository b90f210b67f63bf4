# line: fork bomb, memory, disk
# control: works
# inside: EMFILE
import os

opened = []
while len(opened) < 2000:
    opened.append(os.dup(0))
