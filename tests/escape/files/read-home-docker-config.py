# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
from attempt import DIRECTORY

open(DIRECTORY + "/home/.docker/config.json").read()
