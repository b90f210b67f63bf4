# line: what plain work needs
# control: works
# inside: EACCES
# inside netns: works
import os

# As `pty` of Python does, and with it `script`, expect and tmux. Beside others' terminals there can be none.
main, terminal = os.openpty()
name = os.ttyname(terminal)
os.write(main, b"line\n")
with open(name) as again:
    assert again.readline() == "line\n"
