# line: fork bomb, memory, disk
# control: had it
# inside: had none of it
# runs: around
# The bound needs a cgroup that can be written. Where there is none, as in an ordinary container, nothing may start.
cat >hog.py <<'HOG'
import subprocess, sys
takes = "b = bytearray(200 << 20)\nb[::4096] = bytes(len(b) // 4096)\nprint('had it')"
done = subprocess.run([sys.executable, "-c", takes], capture_output=True, text=True)
print(done.stdout.strip() or "killed by %d" % -done.returncode)
HOG
printf 'version = 1\n[process.limits]\nmemory_bytes = "64M"\n' >policy.toml
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" --policy policy.toml -- || set --
"$@" /usr/bin/python3 hog.py >log 2>&1
case "$? $(cat log)" in
"0 killed by 9"*"killed 1 of the agent's processes"* | 125*'`bounds`'*) echo "result: had none of it" ;;
*) echo "result: $(tail -1 log)" ;;
esac
