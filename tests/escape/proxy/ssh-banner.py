# line: CONNECT allowed, no SNI / ECH outer
# control: works
# inside: closed
# seen: bytes allowed 443
# journal: network/hello
from attempt import through

result = through("allowed.example:443", b"SSH-2.0-OpenSSH_9.2\r\n")
