# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
import os

from attempt import DIRECTORY

os.listdir(DIRECTORY + "/builds")
