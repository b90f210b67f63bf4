"""The far ends of stage.sh: each says its name to whoever comes. Certificate and key lie in the directory given."""

import http.server
import socket
import ssl
import sys
import threading

directory = sys.argv[1]


class Says(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.server.name.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def web(address, port, name, tls=False):
    server = http.server.ThreadingHTTPServer((address, port), Says)
    server.name = name
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{directory}/cert.pem", f"{directory}/key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def plain(address, port, name):
    listener = socket.create_server((address, port))
    while True:
        client = listener.accept()[0]
        client.sendall(name.encode())
        client.close()


web("203.0.113.5", 8080, "allowed")
web("203.0.113.5", 8443, "allowed by TLS", tls=True)
web("198.51.100.7", 8080, "evil")
web("198.51.100.7", 8443, "evil by TLS", tls=True)
threading.Thread(target=plain, args=("203.0.113.6", 5432, "the database"), daemon=True).start()
open(f"{directory}/ready", "w").close()
threading.Event().wait()
