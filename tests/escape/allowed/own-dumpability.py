# line: what plain work needs
# control: works
import ctypes

from attempt import call

# A process may show itself to others; nobody gains anything outside by it.
call(157, 4, 1, 0, 0, 0)  # PR_SET_DUMPABLE
