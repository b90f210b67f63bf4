# line: hardlink of outside file (EXDEV)
# control: works
# inside: EXDEV
# outside: changed
import os

from attempt import OUT

os.link(OUT + "/secret", "hard")
open("hard").read()
