# line: symlink in workspace → /etc/passwd
# control: works
# inside: EACCES
# outside: changed
import os

from attempt import OUT

os.symlink(OUT + "/file", "link")
open("link", "w").write("inside")
