# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, certificate authorities in /nowhere.pem
# The gateway cannot serve what it was told.
cat >policy.toml <<'POLICY'
version = 1
[agent]
kind = "command"
[[network.route]]
provider = "anthropic"
base_url = "https://provider.example"
ca_file = "/nowhere.pem"
POLICY
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy policy.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- 'certificate authorities in /nowhere.pem' log | head -1)"
