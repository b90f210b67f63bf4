# line: symlink in workspace → /etc/passwd
# control: works
# inside: EACCES
import os

from attempt import OUT

os.symlink(OUT + "/secret", "link")
open("link").read()
