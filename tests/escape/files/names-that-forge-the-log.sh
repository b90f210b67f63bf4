# line: special files: mknod block/char
# control: 66, forged
# inside: 66, nothing forged
# runs: around
# Names with line ends, escapes and invalid UTF-8, a fifo and a socket where the supervisor reads: it ends, and prints no such byte.
mkdir work && cd work || exit
git init --quiet . && echo text >file && git add file && git -c user.name=a -c user.email=a@b commit --quiet -m base
base=$(git rev-parse HEAD)
/usr/bin/python3 - <<'MAKE'
import os, socket
for name in (b"a\nb", b"\x1b[2Jc", b"\xff\xfe", b"section_start:1:x\r\x1b[0K"):
    open(name, "w").write("x")
os.mkfifo("pipe")
socket.socket(socket.AF_UNIX).bind("socket")
MAKE
if [ "$WALLS" = on ]; then
    timeout 20 "$TIDEWAITER" check --base "$base" --worktree >../log 2>&1
    status=$?
else
    ls -N >../log
    status=66
fi
LC_ALL=C grep -q "$(printf '[\033\377]')" ../log && forged="forged" || forged="nothing forged"
cat -v ../log | head -20
echo "result: $status, $forged"
