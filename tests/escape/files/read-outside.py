# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
from attempt import OUT

open(OUT + "/secret").read()
