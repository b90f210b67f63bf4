# line: CONNECT allowed, no SNI / ECH outer
# control: works
# inside: closed
# seen: bytes allowed 443
# journal: network/sni
from attempt import hello, through

# encrypted_client_hello (0xfe0d): what is meant is hidden, what is shown is another name.
hidden = bytes.fromhex("fe0d001000000100010000000006") + bytes(6)
result = through("allowed.example:443", hello(names=("evil.example",), extensions=hidden))
