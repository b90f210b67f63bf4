# line: truncate, ftruncate, chmod, chown
# control: works
# inside: EACCES
# inside user restricted: works
# residual: it can change modes, times and extended attributes of files that this uid owns outside (Landlock does not cover them); it can read none of them.
import os

from attempt import DIRECTORY

# Only its owner may write it.
os.setxattr(DIRECTORY + "/home/.bashrc", "user.planted", b"1")
