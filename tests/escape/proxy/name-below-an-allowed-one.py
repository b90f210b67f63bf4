# line: `evil-gitlab.com`, `gitlab.com.evil`
# control: 200
# inside: 403 network/tunnel
# seen: tcp 198.51.100.66:443
# journal: network/tunnel
from attempt import connect

connect("evil.allowed.example:443")
result = "200"
