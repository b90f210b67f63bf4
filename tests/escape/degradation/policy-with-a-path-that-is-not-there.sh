# line: kernel without Landlock / ABI lower
# runs: around
# control: ran
# inside: 125, /nowhere: No such file
# A path that the policy grants is not there.
cat >policy.toml <<'POLICY'
version = 1
[files]
read = ["/usr", "/bin", "/lib", "/lib64", "/nowhere"]
POLICY
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy policy.toml -- || set --
"$@" sh -c 'echo >ran' >log 2>&1
status=$?
cat log
[ -e ran ] && echo "result: ran" || echo "result: $status, $(grep -o -- '/nowhere: No such file' log | head -1)"
