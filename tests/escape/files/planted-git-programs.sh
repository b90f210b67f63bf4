# line: write .git/hooks/*, .git/config
# control: ran
# inside: nothing ran
# outside: changed
# runs: around
# The agent plants what plain git in its tree would run; then the supervisor looks at the change. The control is plain git.
mkdir work && cd work || exit
git init --quiet . && echo text >file && git add file && git -c user.name=a -c user.email=a@b commit --quiet -m base
base=$(git rev-parse HEAD)
cat >../plant.sh <<'PLANT'
trap="touch $1"
mkdir -p .git/hooks
for hook in pre-commit post-checkout post-index-change reference-transaction fsmonitor-watchman; do
    printf '#!/bin/sh\n%s-hook\n' "$trap" >.git/hooks/$hook; chmod 755 .git/hooks/$hook
done
git config core.hooksPath .git/hooks
git config core.fsmonitor "$trap-fsmonitor; false"
git config core.sshCommand "$trap-ssh"
git config filter.x.clean "$trap-filter; cat"
git config filter.x.smudge "$trap-filter; cat"
git config filter.x.process "$trap-filter"
git config diff.x.textconv "$trap-textconv; cat"
git config diff.external "$trap-external"
git config core.pager "$trap-pager"
git config gpg.program "$trap-gpg"
git config url."ext::sh -c $trap-url".insteadOf https://
printf '* filter=x diff=x\n' >.gitattributes
printf '[submodule "s"]\n\tpath = s\n\turl = ext::sh -c %% %s-submodule\n' "$trap" >.gitmodules
echo changed >>file
PLANT
cp ../plant.sh . && chmod 777 . "$OUT"
mark=$OUT/ran
if [ "$WALLS" = on ]; then
    "$TIDEWAITER" run --policy "$PLAIN" -- sh plant.sh "$mark" >../log 2>&1 || { cat ../log; echo "result: not planted"; exit; }
    [ -e .git/hooks/pre-commit ] || { echo "result: not planted"; exit; }
    "$TIDEWAITER" check --base "$base" --worktree >../log 2>&1
    echo "check: $?"; cat ../log
else
    sh plant.sh "$mark"
    git add file >/dev/null 2>&1
    git status >/dev/null 2>&1
fi
ls "$OUT" | grep -q ran && echo "result: ran" || echo "result: nothing ran"
