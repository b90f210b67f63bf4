# line: read ~/.ssh, ~/.netrc
# control: works
# inside: EACCES
open("/etc/shadow").read()
