# line: truncate, ftruncate, chmod, chown
# control: works
# inside: EPERM
# outside: changed
# inside user restricted: works
# residual: it can change modes, times and extended attributes of files that this uid owns outside (Landlock does not cover them); it can read none of them.
import os

from attempt import OUT

os.chmod(OUT + "/file", 0o600)
