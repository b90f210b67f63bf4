# line: trailing dot, upper case, double dot
# control: 200
# seen: http allowed GET
from attempt import https, verdict

# A trailing dot and capitals are the same name, and are dialled as it.
found = {verdict(https(target, "allowed.example")) for target in ("allowed.example.:443", "ALLOWED.Example:443")}
result = ", ".join(sorted(found))
