# line: hardlink of outside file (EXDEV)
# control: works
# inside: EACCES
# outside: changed
import os

from attempt import OUT

os.rename(OUT + "/secret", "moved")
