# line: CONNECT allowed, no SNI / ECH outer
# control: works
# inside: closed
# seen: bytes allowed 443
# journal: network/hello
from attempt import hello, through

result = through("allowed.example:443", hello(names=("allowed.example", "evil.example")))
