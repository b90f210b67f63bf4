# line: start-up race: agent acts before fence is up
# runs: around
# control: ran
# inside: waited, then 0
# The gateway reads its authorities from a pipe that nobody has written to yet: the command waits, and is not let go.
[ "$WALLS" = on ] || { sh -c 'echo >ran'; [ -e ran ] && echo "result: ran"; exit; }
mkfifo ca.pem
cat >policy.toml <<POLICY
$(cat "$PLAIN")
[agent]
kind = "command"
[[network.route]]
provider = "anthropic"
base_url = "https://provider.example"
ca_file = "$PWD/ca.pem"
POLICY
mkdir work
"$TIDEWAITER" run --policy policy.toml --workspace work -- sh -c 'echo >ran' >log 2>&1 &
supervisor=$!
sleep 1.5
[ -e work/ran ] && early="ran early" || early="waited"
kill -0 $supervisor && cat "$LAB/pki/ca.pem" >ca.pem
wait $supervisor
status=$?
cat log
[ -e work/ran ] && echo "result: $early, then $status" || echo "result: $early, never ran"
