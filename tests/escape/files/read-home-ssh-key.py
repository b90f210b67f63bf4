# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
from attempt import DIRECTORY

open(DIRECTORY + "/home/.ssh/id_ed25519").read()
