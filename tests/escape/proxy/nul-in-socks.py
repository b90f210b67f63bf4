# line: `allowed.example\0.evil`
# control: connected
# inside: 400 gateway/head
# seen: tcp 198.51.100.66:443
# journal: gateway/head
import socket

from attempt import gateway, receive, verdict

name = b"evil.example\0.allowed.example"
with socket.create_connection(gateway()[:2], 5) as proxy:
    # The greeting of RFC 1928 and the request at once. The gateway speaks no SOCKS, and these are no HTTP head either.
    proxy.sendall(b"\5\1\0" + b"\5\1\0\3" + bytes([len(name)]) + name + (443).to_bytes(2, "big"))
    proxy.shutdown(socket.SHUT_WR)
    answer = receive(proxy)
    result = "connected" if answer.startswith(b"\5\0\5\0") else verdict(answer)
