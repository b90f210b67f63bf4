# line: redirect 302 from allowed host
# control: works
# inside: curl 56
# seen: tcp 198.51.100.66:443; http attacker GET
# journal: network/tunnel
curl --silent --insecure --location --output /dev/null --max-time 10 http://allowed.example/redirect
status=$?
[ $status = 0 ] && echo "result: works" || echo "result: curl $status"
