# line: write to PATH dirs, ld.so.preload
# control: works
# inside: EACCES
# outside: changed
from attempt import OUT

open(OUT + "/planted", "w").write("inside")
