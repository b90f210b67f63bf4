# line: env -u all proxy vars
# control: works
# inside: EAI_AGAIN
# seen: dns evil.example; tcp 198.51.100.66:443
import socket

socket.create_connection(("evil.example", 443), 8)
