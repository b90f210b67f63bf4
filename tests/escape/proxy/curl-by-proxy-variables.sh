# line: CONNECT evil.example:443
# control: works
# inside: curl 56
# seen: tcp 198.51.100.66:443; http attacker GET
# journal: network/tunnel
curl --silent --insecure --output /dev/null --max-time 10 https://evil.example/
status=$?
[ $status = 0 ] && echo "result: works" || echo "result: curl $status"
