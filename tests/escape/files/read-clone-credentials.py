# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
from attempt import DIRECTORY

# As the runner leaves it in a checkout; a job's agent works in a copy (see `clone_credentials_stay_in_the_checkout`).
open(DIRECTORY + "/builds/checkout/.git/config").read()
