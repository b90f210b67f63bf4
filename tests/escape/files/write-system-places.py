# line: write to PATH dirs, ld.so.preload
# control: works
# inside: EACCES
# inside restricted: EACCES EROFS
import errno
import os

# Opened and nothing else: without walls this is the machine's own. A missing file would be made, and removed at once.
found = set()
for path in ("/usr/bin/planted", "/usr/local/bin/planted", "/etc/ld.so.preload", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt",
             "/etc/profile", "/etc/gitconfig", "/lib/planted.so", "/etc/cron.d/planted"):
    there = os.path.exists(path)
    try:
        open(path, "a").close()
        found.add("works")
        there or os.unlink(path)
    except OSError as error:
        found.add(errno.errorcode[error.errno])
result = " ".join(sorted(found))
