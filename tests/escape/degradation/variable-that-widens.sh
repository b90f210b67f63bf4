# line: policy changed by the MR branch
# runs: around
# control: ran
# inside: 125, would widen the policy
# A pipeline variable asks for more than the policy on top grants.
cat >policy.toml <<'POLICY'
version = 1
[network]
tunnels = []
POLICY
[ "$WALLS" = on ] && set -- env TIDEWAITER_POLICY='version = 1
[network]
tunnels = ["evil.example:443"]' "$TIDEWAITER" run --policy policy.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'would widen the policy' log | head -1)"
