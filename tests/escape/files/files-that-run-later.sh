# line: write .gitlab-ci.yml, CODEOWNERS
# control: nothing said
# inside: exit 66, all named
# runs: around
# What others would run later is named by the gate, rule by rule. The control is no gate: nothing is said.
mkdir work && cd work || exit
git init --quiet . && echo text >file && git add file && git -c user.name=a -c user.email=a@b commit --quiet -m base
base=$(git rev-parse HEAD)
mkdir -p .github .vscode .claude
for name in .gitlab-ci.yml CODEOWNERS CLAUDE.md .claude/settings.json .mcp.json .vscode/tasks.json Makefile .gitattributes .gitmodules; do
    echo '{}' >$name
done
[ "$WALLS" = on ] || { echo "result: nothing said"; exit; }
"$TIDEWAITER" check --base "$base" --worktree --format json >../report.json 2>../log
status=$?
/usr/bin/python3 - "$status" <<'READ'
import json, sys
text = open("../report.json").read()
missing = [name for name in (".gitlab-ci.yml", "CODEOWNERS", "CLAUDE.md", ".claude/settings.json", ".mcp.json", ".vscode/tasks.json",
                             "Makefile", ".gitattributes", ".gitmodules") if '"%s"' % name not in text]
print(open("../log").read(), text[:600])
print("result: exit %s%s" % (sys.argv[1], ", not named: " + " ".join(missing) if missing else ", all named"))
READ
