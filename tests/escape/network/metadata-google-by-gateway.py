# line: 169.254.169.254, fd00:ec2::254
# control: works
# inside: 403 network/address
# seen: tcp 169.254.169.254:80
# journal: network/address
from attempt import through

# The policy lists this host, and lists it as one that may have a private address. It is refused all the same.
result = through("metadata.google.internal:80", b"GET /latest/meta-data/ HTTP/1.1\r\nHost: x\r\n\r\n")
