# line: special files: mknod block/char
# control: waits for ever
# inside: 66
# timeout: 60
# runs: around
# A fifo where a file of the base was, and where git looks for its settings. Nobody ever writes into it.
mkdir work && cd work || exit
git init --quiet . && echo text >file && git add file && git -c user.name=a -c user.email=a@b commit --quiet -m base
base=$(git rev-parse HEAD)
[ "$WALLS" = on ] && set -- "$TIDEWAITER" run --policy "$PLAIN" -- || set --
"$@" sh -c 'rm file && mkfifo file .gitattributes .gitmodules .gitlab-ci.yml .git/info/fifo' || { echo "result: no fifo"; exit; }
if [ "$WALLS" = on ]; then
    timeout 30 "$TIDEWAITER" check --base "$base" --worktree >../log 2>&1
    status=$?
    cat ../log
    echo "result: $status"
else
    timeout 1 cat file
    [ $? = 124 ] && echo "result: waits for ever"
fi
