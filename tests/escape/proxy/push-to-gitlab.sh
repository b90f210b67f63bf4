# line: push to another project on the allowed GitLab host
# control: asked
# inside: 403
# seen: tcp 203.0.113.30:443; http gitlab GET /another/project.git/info/refs?service=git-receive-pack
# journal: network/tunnel
git init --quiet . && git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m one
git -c http.sslVerify=false push --quiet https://made-up:token@gitlab.example/another/project.git HEAD:refs/heads/x >log 2>&1
grep -q "CONNECT tunnel failed, response 403" log && echo "result: 403" || echo "result: asked"
