# line: CONNECT allowed, no SNI / ECH outer
# control: works
# inside: closed
# seen: http allowed GET / evil.example
# journal: network/hello
from attempt import through

result = through("allowed.example:443", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
