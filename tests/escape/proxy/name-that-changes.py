# line: allowed name resolving to RFC1918
# control: reached the metadata service
# inside: never
# seen: tcp 169.254.169.254:443
from attempt import https

# Every question gets another answer, the allowed host and the metadata service by turns.
result = "never"
for _ in range(8):
    try:
        if b"this is metadata" in https("flip.example:443", "flip.example"):
            result = "reached the metadata service"
    except SystemExit:
        pass
