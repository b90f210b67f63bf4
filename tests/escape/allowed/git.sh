# line: what plain work needs
# control: 1
git init --quiet . && echo text > file && git add file && git -c user.name=a -c user.email=a@b commit --quiet -m one && echo "result: $(git rev-list --count HEAD)"
