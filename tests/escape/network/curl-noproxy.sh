# line: `curl --noproxy '*'` to a host that is not allowed
# control: works
# inside: curl 7
# seen: tcp 198.51.100.66:443; tls attacker -
curl --noproxy '*' --silent --insecure --output /dev/null --max-time 8 https://198.51.100.66/
status=$?
[ $status = 0 ] && echo "result: works" || echo "result: curl $status"
