# line: proxy reached with no/foreign session token
# control: 200
# inside: 407 gateway/ticket
# seen: tcp 203.0.113.10:443
# journal: gateway/ticket
import socket

from attempt import gateway, verdict

with socket.create_connection(gateway()[:2], 5) as proxy:
    proxy.sendall(b"CONNECT allowed.example:443 HTTP/1.1\r\nProxy-Authorization: Basic dGlkZXdhaXRlcjptYWRlLXVwLXRpY2tldA==\r\n\r\n")
    result = verdict(proxy.recv(4096))
