# line: IP literals: 127.1
# control: 200, closed
# inside: 403 network/tunnel
# seen: loopback 127.0.0.1:6379
# journal: network/tunnel
from attempt import connect

verdicts = set()
for target in ("[::]:443", "0.0.0.0:6379"):
    try:
        connect(target)
        verdicts.add("200")
    except SystemExit as end:
        verdicts.add(str(end))
result = ", ".join(sorted(verdicts))
