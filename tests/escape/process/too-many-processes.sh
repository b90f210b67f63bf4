# line: fork bomb, memory, disk
# control: no limit
# inside: Resource temporarily unavailable
# runs: around
# As many processes at once as there can be: the policy's number is the most.
cat >many.py <<'MANY'
import os, signal, time
made = []
try:
    while len(made) < 400:
        child = os.fork()
        if child == 0:
            time.sleep(30)
            os._exit(0)
        made.append(child)
    print("no limit")
except OSError as error:
    print(error.strerror)
for child in made:
    os.kill(child, signal.SIGKILL)
MANY
printf 'version = 1\n[process.limits]\nprocesses = 100\n' >policy.toml
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" --policy policy.toml -- || set --
echo "result: $("$@" /usr/bin/python3 many.py 2>&1 | tail -1)"
