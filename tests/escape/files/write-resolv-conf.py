# line: write to PATH dirs, ld.so.preload
# control: works
# inside: EACCES
open("/etc/resolv.conf", "a").close()
