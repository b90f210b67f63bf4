# line: TLS ok, HTTP Host: evil
# control: works
# inside: works
# residual: Inside a tunnel: who the client logs in as, and fronting behind one certificate or within an
# seen: http allowed GET / evil.example
from attempt import https

# One certificate, another Host field: nobody but the far end reads it.
result = "works" if https("allowed.example:443", "allowed.example", host="evil.example").startswith(b"HTTP/1.1 200") else "refused"
