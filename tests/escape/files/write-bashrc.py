# line: write to PATH dirs, ld.so.preload
# control: works
# inside: EACCES
from attempt import DIRECTORY

open(DIRECTORY + "/home/.bashrc", "a").write("# planted\n")
