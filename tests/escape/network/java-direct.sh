# line: env -u all proxy vars, a Python raw socket connect to the attacker's :443
# control: 200
# inside: ConnectException: Permission denied
# seen: tcp 198.51.100.66:80; http attacker GET
# needs: javac
# timeout: 60
. "$CASES/client.sh"
client direct http://198.51.100.66/
