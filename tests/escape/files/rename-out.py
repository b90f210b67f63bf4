# line: hardlink of outside file (EXDEV)
# control: works
# inside: EACCES
# outside: changed
import os

from attempt import OUT

open("planted", "w").write("inside")
os.rename("planted", OUT + "/planted")
