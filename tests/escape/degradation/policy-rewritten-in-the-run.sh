# line: policy changed by the MR branch
# runs: around
# control: curl 0
# inside: curl 56
# seen: tcp 198.51.100.66:443
# The policy lies in the workspace, and the command rewrites it: what was read before it started is what holds.
cat "$PLAIN" >policy.toml
cat >rewrite.sh <<'REWRITE'
printf 'version = 1\n[network]\ntunnels = ["evil.example:443"]\n' >policy.toml
curl --silent --insecure --output /dev/null --max-time 10 https://evil.example/
echo "curl $?"
REWRITE
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy policy.toml -- || set --
echo "result: $("$@" sh rewrite.sh 2>&1 | tail -1)"
