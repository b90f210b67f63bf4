# line: CONNECT allowed, no SNI / ECH outer
# control: works
# inside: closed
# seen: bytes allowed 443
# journal: network/hello
from attempt import through

result = through("allowed.example:443", b"\x00\x01\x02\x03 these are no handshake")
