# The rows: one function each, run by `sh -eu` in an empty workspace, without walls and within them. A row works when its
# function ends with 0. The word after `row` names the function; the text after the title says why, and what to do.

row() { :; }

python() { /usr/bin/python3 "$@"; }
# A port that is free, and in the agent's range, because the kernel chose it.
port() { python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# Waits until a server answers at a port.
await() { for _ in $(seq 150); do curl -sf -o /dev/null --max-time 5 --noproxy '*' "$1" && return; sleep 0.2; done; echo "no answer from $1"; return 1; }
postgres() {
    bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
    "$bin/initdb" -D "$TMPDIR/data" -A trust -U postgres >/dev/null
    "$bin/pg_ctl" -w -D "$TMPDIR/data" -l "$TMPDIR/log" -o "-k $TMPDIR -c listen_addresses=127.0.0.1 -p $1" start >/dev/null || { tail -n 3 "$TMPDIR/log"; return 1; }
}

row streams "Shell: \`>/dev/stderr\`, \`/dev/stdin\`, \`<(…)\`" ""
streams() { bash -c 'echo x >/dev/stderr; echo y >/dev/stdout; cat <(echo z); echo w | tee /dev/stderr'; }

row user "A name for the uid: \`whoami\`, PostgreSQL's initdb, ssh" "broker: the image needs a user with the uid of \`process.uid\` (ours has \`agent\`, 61000): \`useradd --uid 61000 agent\`"
user() { id -un; }

row tmp "Files in \`/tmp\` by name" "\`/tmp\` belongs to the job and others; use \`\$TMPDIR\`, which \`mktemp\` and most languages do"
tmp() { : >/tmp/tidewaiter-by-name; rm /tmp/tidewaiter-by-name; }

row fixed "A server on a port of its own choice (3000, 8080)" "broker: only a range that was free at start can be bound. Ask for port 0, or set \`network.loopback = \"any\"\`"
fixed() { python -c 'import socket; socket.create_server(("127.0.0.1", 3000)).close()'; }

row six "\`::1\`" "broker: a link-local bind would take an IPv6 socket off loopback; use 127.0.0.1"
six() { python -c 'import socket; s = socket.create_server(("::1", 0), family=socket.AF_INET6); socket.create_connection(s.getsockname()[:2])'; }

row udp "UDP on loopback" "broker: a UDP socket can be steered off its device"
udp() { python -c 'import socket; a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind(("127.0.0.1", 0)); a.sendto(b"x", a.getsockname()); a.recv(1)'; }

row unix "Unix sockets" "where no socket of somebody else is in reach of the agent's uid (\`process.unix\`)"
unix() { python -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind("s"); s.listen(); socket.socket(socket.AF_UNIX).connect("s")'; }

row git "git: clone, commit, rebase, a hook" ""
git() {
    command git init -q a && cd a
    command git config user.email a@example.invalid && command git config user.name a
    echo 'touch ran' >.git/hooks/post-commit && chmod +x .git/hooks/post-commit
    command git commit -q --allow-empty -m 1 && [ -e ran ]
    command git clone -q . ../b && cd ../b && command git fetch -q && command git rebase -q origin/HEAD
}

row proxy "curl to a listed tunnel" "through the proxy variables; in netns without them too"
proxy() { curl -sf --cacert "$PLACE/ca.pem" https://allowed.example:8443/ -o /dev/null; }

row pytest "pytest with a PostgreSQL that the test starts" "give it a unix socket directory in \`\$TMPDIR\` and a free port"
pytest() {
    postgres "$(port)"
    cat >test_it.py <<'PY'
import os, psycopg2
def test_socket_and_tcp():
    port = [name.rsplit(".", 1)[1] for name in os.listdir(os.environ["TMPDIR"]) if name.startswith(".s.PGSQL") and not name.endswith("lock")][0]
    for host in (os.environ["TMPDIR"], "127.0.0.1"):
        with psycopg2.connect(host=host, port=port, user="postgres").cursor() as cursor:
            cursor.execute("create temporary table t as select generate_series(1, 1000) n"); cursor.execute("select sum(n) from t")
            assert cursor.fetchone()[0] == 500500
PY
    python -m pytest -q -p no:cacheprovider
    "$bin/pg_ctl" -D "$TMPDIR/data" -m immediate stop >/dev/null
}

row service "pytest with PostgreSQL as an entry of \`network.services\`" "netns: at its own name and port. broker: at \`\$TIDEWAITER_SERVICE_<HOST>_<PORT>\`"
service() {
    cat >test_it.py <<'PY'
import os, psycopg2
def test_service():
    host, _, port = os.environ.get("TIDEWAITER_SERVICE_DATABASE_5432", "database:5432").rpartition(":")
    with psycopg2.connect(host=host, port=port, user="postgres", dbname="postgres").cursor() as cursor:
        cursor.execute("select 7"); assert cursor.fetchone()[0] == 7
PY
    python -m pytest -q -p no:cacheprovider
}

row redis "Redis that the test starts" ""
redis() {
    p=$(port); redis-server --port "$p" --bind 127.0.0.1 --save '' --dir "$TMPDIR" >"$TMPDIR/log" &
    for _ in $(seq 50); do redis-cli -p "$p" ping 2>/dev/null | grep -q PONG && break; sleep 0.1; done
    redis-cli -p "$p" set a 1 | grep OK; kill $!; wait
}

row multiprocessing "Python: multiprocessing (fork, spawn, forkserver), shared memory, asyncio" ""
multiprocessing() {
    cat >m.py <<'PY'
import asyncio, multiprocessing as m
from multiprocessing import shared_memory
from concurrent.futures import ProcessPoolExecutor
def square(n): return n * n
async def main():
    p = await asyncio.create_subprocess_exec("echo", "x", stdout=-1); assert (await p.communicate())[0] == b"x\n"
    s = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0); await asyncio.open_connection(*s.sockets[0].getsockname())
if __name__ == "__main__":
    for kind in ("fork", "spawn", "forkserver"):
        with m.get_context(kind).Pool(2) as pool: assert pool.map(square, range(9))[8] == 64
    with ProcessPoolExecutor(2) as pool: assert list(pool.map(square, [3])) == [9]
    with m.Manager() as manager: manager.dict()["a"] = 1
    s = shared_memory.SharedMemory(create=True, size=64); s.close(); s.unlink()
    asyncio.run(main())
PY
    python m.py
}

row uvicorn "uvicorn" "\`--port 0\` in broker"
uvicorn() {
    printf 'async def app(scope, receive, send):\n    if scope["type"] == "http":\n        await send({"type": "http.response.start", "status": 200, "headers": []})\n        await send({"type": "http.response.body", "body": b"x"})\n' >app.py
    p=$(port); python -m uvicorn app:app --port "$p" --log-level warning & await "http://127.0.0.1:$p/"; kill $!; wait
}

row vite "Vite: build, \`preview\` and the development server with file watching" "\`--host 127.0.0.1\` and a free port in broker"
vite() {
    ln -s "$PLACE/node/node_modules" node_modules; echo '{"type":"module"}' >package.json
    echo '<script type="module" src="/a.js"></script>' >index.html; echo 'console.log(1)' >a.js
    npx vite build --logLevel warn
    for mode in preview dev; do
        p=$(port); npx vite $mode --host 127.0.0.1 --port "$p" --strictPort --logLevel warn & await "http://127.0.0.1:$p/"; kill $!; wait $! || :
    done
}

row node "Node: \`node --test\` with an Express server, workers, child processes" ""
node() {
    ln -s "$PLACE/node/node_modules" node_modules
    cat >a.test.js <<'JS'
const test = require('node:test'), assert = require('node:assert'), express = require('express');
const { Worker } = require('node:worker_threads'), { fork, execFileSync } = require('node:child_process');
test('server', async () => {
  const server = express().get('/', (_, answer) => answer.send('x')).listen(0, '127.0.0.1');
  await new Promise(done => server.once('listening', done));
  assert.equal(await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text(), 'x'); server.closeAllConnections(); server.close();
});
test('others', async () => {
  await new Promise(done => new Worker('0', { eval: true }).once('exit', done));
  assert.equal(String(execFileSync('echo', ['y'])), 'y\n');
  require('fs').writeFileSync('c.js', 'process.send(1)'); await new Promise(done => fork('./c.js').once('message', done));
});
JS
    command node --test
}

row localhost "Node: \`server.listen(0)\` without an address, \`fetch('http://localhost')\`" "Node falls back to IPv4 where there is no IPv6"
localhost() { command node -e 's=require("http").createServer((_, a) => a.end("x")).listen(0, async () => { await fetch(`http://localhost:${s.address().port}/`); process.exit(0) })'; }

row nx "Nx with its daemon and cache" ""
nx() {
    ln -s "$PLACE/node/node_modules" node_modules; echo '{"name":"r","private":true}' >package.json; printf '{"useDaemonProcess":true,"targetDefaults":{"build":{"cache":true}}}' >nx.json
    mkdir a; echo '{"name":"a","targets":{"build":{"command":"echo built"}}}' >a/project.json
    export CI=false NX_DAEMON=true; command git init -q .
    npx nx run-many -t build --output-style=static; npx nx daemon | grep -i running; npx nx daemon --stop
}

row playwright "Playwright and Chromium with \`--no-sandbox\`" "Playwright's default; \`chromiumSandbox: false\`"
browser() {
    ln -s "$PLACE/node/node_modules" node_modules
    cat >p.js <<'JS'
const { chromium } = require('playwright-core'), sandbox = process.argv[2] === 'true';
(async () => {
  const server = require('http').createServer((_, answer) => answer.end('<title>x</title>')).listen(0, '127.0.0.1', async () => {
    const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', chromiumSandbox: sandbox, timeout: 60000 });
    const page = await browser.newPage(); await page.goto(`http://127.0.0.1:${server.address().port}/`);
    if (await page.title() !== 'x') process.exit(1); await page.screenshot({ path: 'x.png' }); await browser.close(); process.exit(0);
  });
})().catch(error => { console.log(String(error).split('\n').find(line => /sandbox|FATAL/i.test(line)) || String(error).split('\n')[0]); process.exit(1); });
JS
    command node p.js "$1"
}
playwright() { browser false; }

row chromium "Chromium with its own sandbox" "it needs a user namespace, or a setuid helper; the walls are around it already"
chromium() { browser true; }

row java "Java: javac, an HttpServer and HttpClient on loopback" ""
java() {
    cat >A.java <<'JAVA'
import com.sun.net.httpserver.*; import java.net.*; import java.net.http.*;
class A { public static void main(String[] a) throws Exception {
  HttpServer s = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0); s.createContext("/", e -> { e.sendResponseHeaders(200, -1); e.close(); }); s.start();
  int c = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + s.getAddress().getPort() + "/")).build(), HttpResponse.BodyHandlers.ofString()).statusCode();
  s.stop(0); System.exit(c == 200 ? 0 : 1); } }
JAVA
    javac A.java; command java A
}
tunnel() {
    cat >B.java <<'JAVA'
import java.net.*; import java.net.http.*;
class B { public static void main(String[] a) throws Exception {
  HttpClient.Builder b = HttpClient.newBuilder();
  if (a.length > 0) { URI p = URI.create(System.getenv("HTTPS_PROXY")); String[] who = p.getUserInfo().split(":");
    b.proxy(ProxySelector.of(new InetSocketAddress(p.getHost(), p.getPort()))).authenticator(new Authenticator() {
      protected PasswordAuthentication getPasswordAuthentication() { return new PasswordAuthentication(who[0], who[1].toCharArray()); } }); }
  System.exit(b.build().send(HttpRequest.newBuilder(URI.create("https://allowed.example:8443/")).build(), HttpResponse.BodyHandlers.discarding()).statusCode() == 200 ? 0 : 1); } }
JAVA
    javac B.java; command java -Djavax.net.ssl.trustStore="$PLACE/trust" -Djavax.net.ssl.trustStorePassword=changeit -Djdk.http.auth.tunneling.disabledSchemes= B "$@"
}

row javanames "Java: HttpClient to a listed tunnel, by its name alone" "broker: no names inside; use the proxy"
javanames() { tunnel; }

row javaproxy "Java: HttpClient to a listed tunnel, through the proxy" "with an \`Authenticator\` for the ticket and \`-Djdk.http.auth.tunneling.disabledSchemes=\`"
javaproxy() { [ -n "${HTTPS_PROXY:-}" ] || return 0; tunnel proxy; }

row javadirs "Java: temporary files, without an option" "Java goes to \`/tmp\` and to the home of passwd(5), whatever the environment says: \`JAVA_TOOL_OPTIONS=\"-Djava.io.tmpdir=\$TMPDIR -Duser.home=\$HOME\"\`"
javadirs() { printf 'class T { public static void main(String[] a) throws Exception { java.io.File.createTempFile("abc", "b").delete(); } }' >T.java; javac T.java; command java T; }

row maven "Maven offline: compile and test (Surefire forks)" "\`-o\`, with a local repository that it may write to"
maven() {
    cp -rs /usr/share/maven-repo "$TMPDIR/m2"; mkdir -p src/main/java src/test/java
    cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>
<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target></properties>
<dependencies><dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.x</version><scope>test</scope></dependency></dependencies></project>
XML
    echo 'public class A { public static int f() { return 4; } }' >src/main/java/A.java
    echo 'public class ATest { @org.junit.Test public void t() { org.junit.Assert.assertEquals(4, A.f()); } }' >src/test/java/ATest.java
    mvn -q -o -B -Dmaven.repo.local="$TMPDIR/m2" test; grep -q 'tests="1"' target/surefire-reports/*.xml
}

row gradle "Gradle offline: compile and run (one build at a time)" "with Java's two directories set as above. broker: it opens a UDP socket for its locks before anything else, and ends without one"
gradle() {
    mkdir -p src/main/java; echo 'public class A { public static void main(String[] a) { System.out.println("ran"); } }' >src/main/java/A.java
    printf "apply plugin: 'java'\ntask go(type: JavaExec, dependsOn: classes) { main = 'A'; classpath = sourceSets.main.runtimeClasspath }\n" >build.gradle
    export JAVA_TOOL_OPTIONS="-Djava.io.tmpdir=$TMPDIR -Duser.home=$HOME"
    command gradle --offline --no-daemon -q go 2>&1 | tee "$TMPDIR/out" | tail -n 5; grep -q ran "$TMPDIR/out"
}

row go "Go: build, and test with servers on 127.0.0.1" ""
go() {
    printf 'module m\n' >go.mod; printf 'package m\n' >m.go
    cat >m_test.go <<'GO'
package m
import ("net/http"; "net/http/httptest"; "testing")
func TestServer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler()); defer s.Close()
	if _, err := http.Get(s.URL); err != nil { t.Fatal(err) }
}
GO
    GOFLAGS=-mod=mod GOPROXY=off command go test ./...
}

row gosix "Go: test with a server on [::1]" "as \`::1\`"
gosix() {
    printf 'module m\n' >go.mod; printf 'package m\nimport ("net"; "testing")\nfunc TestSix(t *testing.T) { if _, err := net.Listen("tcp", "[::1]:0"); err != nil { t.Fatal(err) } }\n' >m_test.go
    GOPROXY=off command go test ./...
}

row rust "Rust: cargo build and test, with a listener" ""
rust() {
    cargo init -q --lib --name c --vcs none .; printf '#[test] fn serves() { let l = std::net::TcpListener::bind("127.0.0.1:0").unwrap(); std::net::TcpStream::connect(l.local_addr().unwrap()).unwrap(); }\n' >src/lib.rs
    cargo build -q --offline; cargo test -q --offline
}

row agent "ssh-agent and ssh-add" "\`-a \$TMPDIR/agent\` where \`/tmp\` is its default"
agent() { eval "$(ssh-agent -a "$TMPDIR/agent")" >/dev/null; ssh-keygen -q -t ed25519 -N '' -f k; ssh-add -q k; ssh-add -l; kill "$SSH_AGENT_PID"; }

native() { printf '#include <stdlib.h>\n#include <stdio.h>\nint main(int n, char **v) { char *p = malloc(9); if (n > 1) p = 0; else free(p); puts("ran"); return 0; }\n' >a.c; gcc -g "$@" -o a a.c; }

row debuggers "gdb and strace of a child" ""
debuggers() { native; gdb -q -batch -ex 'break main' -ex run -ex bt ./a | grep '#0'; strace -f -o trace ./a; grep -q exit_group trace; }

row sanitizer "AddressSanitizer and LeakSanitizer" ""
sanitizer() { native -fsanitize=address; ./a; if ./a x 2>out; then cat out; return 1; fi; grep 'detected memory leaks' out; }

row terminal "Pseudo-terminals: \`script\`, expect, tmux" "broker: \`/dev/ptmx\` and \`/dev/pts\` are shared with others"
terminal() { script -qec 'test -t 1' "$TMPDIR/typescript" </dev/null; }

row sudo "sudo, su" "\`no_new_privs\`: setuid programs gain nothing"
sudo() { command sudo -n true 2>&1 | tee out; grep -q 'password is required' out; }

row namespaces "\`unshare\`, rootless containers, Docker-in-Docker" "namespaces and mounts are refused; no engine's socket is in reach. Use \`network.services\`"
namespaces() { unshare -r true; }

row bubblewrap "bubblewrap, and sandboxes that are built on it" "the same: switch an inner sandbox off"
bubblewrap() { bwrap --ro-bind / / true; }
