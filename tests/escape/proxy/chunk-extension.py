# line: CL/TE conflict, duplicate CL
# control: 200
# inside: 200
# seen: smuggled allowed
from attempt import send, verdict

# The extension ends at the gateway: what it sends on is written by itself.
body = "3;smuggled=1\r\nabc\r\n0\r\nTrailer-Field: smuggled\r\n\r\n"
result = verdict(send("POST http://allowed.example/chunks HTTP/1.1\r\nHost: allowed.example\r\nTICKET\r\nTransfer-Encoding: chunked\r\n\r\n" + body))
