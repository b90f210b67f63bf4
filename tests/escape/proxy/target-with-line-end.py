# line: trailing dot, upper case, double dot
# control: 200
# inside: 400 gateway/head
# seen: tcp 198.51.100.66:443
# journal: gateway/head
from attempt import connect

verdicts = set()
for target in ("evil.example:443\r\n", "evil.example:443\n", "\tevil.example:443"):
    try:
        connect(target)
        verdicts.add("200")
    except SystemExit as end:
        verdicts.add(str(end))
result = ", ".join(sorted(verdicts))
