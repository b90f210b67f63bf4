# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
from attempt import cache

open(cache()).read()
