# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
from attempt import DIRECTORY

open(DIRECTORY + "/builds/project.tmp/CI_VARIABLE").read()
