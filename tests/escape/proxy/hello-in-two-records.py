# line: CONNECT allowed, no SNI / ECH outer
# control: works
# inside: closed
# seen: bytes allowed 443
# journal: network/hello
from attempt import hello, through

# The name is split over two TLS records: readers differ on whether they join them.
whole = hello()
head, message = whole[:3], whole[5:]
parts = [message[:60], message[60:]]
result = through("allowed.example:443", b"".join(head + len(part).to_bytes(2, "big") + part for part in parts))
