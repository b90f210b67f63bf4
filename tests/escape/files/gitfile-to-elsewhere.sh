# line: write .git/hooks/*, .git/config
# control: ran
# inside: nothing ran
# outside: changed
# runs: around
# `.git` is made a file that points to a repository of the agent's own, with a program in its configuration.
mkdir work && cd work || exit
git init --quiet . && echo text >file && git add file && git -c user.name=a -c user.email=a@b commit --quiet -m base
base=$(git rev-parse HEAD)
cat >../plant.sh <<'PLANT'
mv .git other && printf 'gitdir: other\n' >.git && printf '../other\n' >other/commondir
git --git-dir=other config core.fsmonitor "touch $1; false"
echo changed >>file
PLANT
cp ../plant.sh . && chmod 777 . "$OUT"
if [ "$WALLS" = on ]; then
    "$TIDEWAITER" run --policy "$PLAIN" -- sh plant.sh "$OUT/ran" >../log 2>&1
    [ -d other ] || { cat ../log; echo "result: not planted"; exit; }
    "$TIDEWAITER" check --base "$base" --worktree >../log 2>&1
    cat ../log
else
    sh plant.sh "$OUT/ran"
    rm -f other/commondir
    git status >/dev/null 2>&1
fi
[ -e "$OUT/ran" ] && echo "result: ran" || echo "result: nothing ran"
