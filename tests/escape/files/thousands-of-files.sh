# line: special files: mknod block/char
# control: nobody counts
# inside: 66
# timeout: 90
# runs: around
# As many entries as there is time for; the supervisor's answer is bounded, and says what is too much.
mkdir work && cd work || exit
git init --quiet . && echo text >file && git add file && git -c user.name=a -c user.email=a@b commit --quiet -m base
base=$(git rev-parse HEAD)
/usr/bin/python3 -c '
import os
for directory in range(25):
    os.mkdir("d%d" % directory)
    for file in range(200):
        os.close(os.open("d%d/%d" % (directory, file), os.O_CREAT | os.O_WRONLY, 0o644))'
[ "$WALLS" = on ] || { echo "result: nobody counts"; exit; }
timeout 60 "$TIDEWAITER" check --base "$base" --worktree >../log 2>&1
status=$?
head -c 600 ../log
echo
[ $(wc -c <../log) -lt 1000000 ] && echo "result: $status" || echo "result: $status, an endless report"
