# line: policy changed by the MR branch
# runs: around
# control: ran
# inside: 125, would widen the policy
# A second file asks for more than the first grants.
cat >policy.toml <<'POLICY'
version = 1
[network]
tunnels = ["evil.example:443"]
POLICY
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" --policy policy.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'would widen the policy' log | head -1)"
