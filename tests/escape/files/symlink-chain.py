# line: symlink in workspace → /etc/passwd
# control: works
# inside: EACCES
import os

from attempt import OUT

os.mkdir("a")
os.symlink(OUT, "a/one")
os.symlink("a/one", "two")
os.symlink("two/secret", "three")
open("three").read()
