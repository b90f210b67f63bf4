# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
from attempt import cache

# The next job would unpack it.
open(cache(), "a").write("poison")
