# line: policy changed by the MR branch
# control: works
# inside: EACCES
from attempt import DIRECTORY

open(DIRECTORY + "/policy.toml", "a").write("# wider\n")
