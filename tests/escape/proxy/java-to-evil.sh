# line: plain HTTP absolute-form
# control: 200
# inside: 403
# seen: http attacker GET
# journal: network/tunnel
# needs: javac
# timeout: 60
. "$CASES/client.sh"
client proxy http://evil.example/
