# line: secret in URL, header, body, DNS label
# control: closed
# inside: 403 network/tunnel
# seen: dns made-up-secret.allowed.example
# journal: network/tunnel
from attempt import connect

connect("made-up-secret.allowed.example:443")
result = "200"
