# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
import glob
import os

from attempt import OUT

# The room's own file, which everybody's mode bits let read; without walls there is no room.
room = os.path.dirname(os.environ.get("TMPDIR", OUT + "/x"))
open(room + "/outside" if os.path.basename(room).startswith("tidewaiter-") else OUT + "/secret").read()
