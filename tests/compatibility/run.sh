#!/bin/sh
# Runs what projects do without walls, within both fences on this host, and within the broker's in an unprivileged container,
# and prints the table of docs/compatibility.md. A row is a function of rows.sh.
#
#   run.sh BINARY [ROW…]
#
# Needs root, Debian's packages listed below, and npm for the JavaScript rows; what is missing is a row that says so. Everything
# runs in namespaces of its own: nothing can leave the machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
packages="postgresql python3-pytest python3-psycopg2 python3-uvicorn redis-server nodejs chromium openjdk-17-jdk-headless maven gradle
  junit4 libmaven-compiler-plugin-java libmaven-resources-plugin-java libmaven-jar-plugin-java libsurefire-java golang-go rustc
  cargo gcc libasan8 gdb strace openssh-client sudo bubblewrap curl openssl podman runc"
modules="playwright-core@1 vite@5 express@4 nx@20"

# One row, here, with what stands in the environment: `works`, or `fails` and the last line that was said.
try() {
    cd "$2"
    if sh -eu -c '. "$PLACE/rows.sh"; "$1"' sh "$1"; then printf "\nworks\n"; else printf "\nfails\n"; fi
}

# try's last lines as one cell.
cell() { awk '{ gsub(/\|/, "/") } NF { if ($0 != "works" && $0 != "fails") said = $0; else end = $0 } END { if (end == "works") print "works"; else print "fails " substr(said, 1, 160) }'; }

workspace() { mktemp -d "$SCRATCH/w.XXXXXX"; }

# Without walls, as the agent's uid would be: what fails here says nothing about the walls.
control() {
    at=$(workspace); mkdir "$at/w" "$at/h" "$at/t"; chown -R 61000:61000 "$at"; chmod 755 "$at"
    env -i PATH="$PATH" HOME="$at/h" TMPDIR="$at/t" PLACE="$PLACE" timeout -k 5 300 unshare --pid --fork --kill-child --mount-proc \
        setpriv --reuid 61000 --regid 61000 --clear-groups sh -c 'sh "$PLACE/run.sh" try "$@" 2>&1 | cat' sh "$1" "$at/w" 2>&1 | cell
}

# fence, row
walled() {
    at=$(workspace); chmod 755 "$at"
    timeout -k 5 300 "$PLACE/tidewaiter" run --policy "$PLACE/$1.toml" --workspace "$at" -- sh "$PLACE/run.sh" try "$2" "$at" </dev/null 2>&1 | cell
}

# Every row but `user` finds a name for the agent's uid, as in our image. /etc/passwd is a file of ours by now.
named() { if [ "$1" = user ]; then cat "$PLACE/unnamed"; else cat "$PLACE/named"; fi >/etc/passwd; }

rows() { sed -n 's/^row \([a-z]*\) .*/\1/p' "$PLACE/rows.sh"; }

case ${1:-} in
try) shift; try "$@"; exit ;;
contained) shift; for name in "$@"; do named "$name"; echo "$name $(walled broker "$name")"; done; exit ;;
esac

binary=$(realpath "${1:?usage: run.sh BINARY [ROW…]}"); shift
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
if [ "${TIDEWAITER_INSIDE:-}" != 1 ]; then
    [ "$(id -u)" = 0 ] || { echo "NOT RUN: compatibility: it needs root" >&2; exit 1; }
    missing=""
    # shellcheck disable=SC2086 # words
    for package in $packages; do dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"; done
    [ -z "$missing" ] || echo "compatibility: not installed:$missing" >&2
    kept="${XDG_CACHE_HOME:-$HOME/.cache}/tidewaiter/compatibility"
    # shellcheck disable=SC2086 # words
    [ -e "$kept/node_modules/nx" ] || { mkdir -p "$kept"; echo '{"private":true}' >"$kept/package.json"; npm install --prefix "$kept" --no-audit --no-fund --loglevel=error $modules >&2; }
    PLACE=$(mktemp -d); export PLACE
    trap 'rm -rf "$PLACE"' EXIT
    mkdir "$PLACE/w" "$PLACE/node"; chmod 755 "$PLACE" "$PLACE/w" "$PLACE/node"
    cp "$binary" "$PLACE/tidewaiter"; cp "$here/run.sh" "$here/rows.sh" "$PLACE"
    cp -a "$kept/node_modules" "$PLACE/node"
    TIDEWAITER_INSIDE=1 HERE="$here" SCRATCH="$PLACE/w" "$here/../containers/apart.sh" sh "$PLACE/run.sh" "$PLACE/tidewaiter" "$@"
    exit
fi

# The far ends, on an address that is not loopback: an HTTPS server and a database. Nothing else is there.
ip addr add 203.0.113.7/32 dev lo
{ cat /etc/hosts; echo "203.0.113.7 allowed.example database"; } >"$PLACE/hosts"
mount --bind "$PLACE/hosts" /etc/hosts
grep -v ':61000:' /etc/passwd >"$PLACE/unnamed"
{ cat "$PLACE/unnamed"; echo 'agent:x:61000:61000::/nonexistent:/bin/sh'; } >"$PLACE/named"
cp "$PLACE/named" "$PLACE/users"
mount --bind "$PLACE/users" /etc/passwd
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$PLACE/key.pem" -out "$PLACE/ca.pem" -subj /CN=allowed.example -addext subjectAltName=DNS:allowed.example 2>/dev/null
chmod 644 "$PLACE/ca.pem"
keytool -importcert -noprompt -file "$PLACE/ca.pem" -keystore "$PLACE/trust" -storepass changeit 2>/dev/null || :
( cd "$(mktemp -d "$PLACE/www.XXXXXX")" && exec /usr/bin/python3 -c '
import http.server, ssl, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("203.0.113.7", 8443), Quiet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True); server.serve_forever()' "$PLACE/ca.pem" "$PLACE/key.pem" ) >/dev/null 2>&1 &
mkdir "$PLACE/database"; chown 65534:65534 "$PLACE/database"
as="setpriv --reuid 65534 --regid 65534 --clear-groups"
for bin in /usr/lib/postgresql/*/bin; do :; done
( cd "$PLACE/database" && $as "$bin/initdb" -D data -A trust -U postgres >/dev/null && echo "host all all 203.0.113.7/32 trust" >>data/pg_hba.conf &&
    exec $as "$bin/postgres" -D "$PLACE/database/data" -k '' -c listen_addresses=203.0.113.7 ) >/dev/null 2>&1 &
for _ in $(seq 100); do pg_isready -q -h 203.0.113.7 && break; sleep 0.1; done
for fence in netns broker; do
    cat >"$PLACE/$fence.toml" <<TOML
version = 1
[files]
read = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc", "$PLACE/node", "$PLACE/rows.sh", "$PLACE/run.sh", "$PLACE/ca.pem", "$PLACE/trust"]
write = ["/dev/shm"]
[network]
fence = "$fence"
tunnels = ["allowed.example:8443"]
services = ["database:5432"]
private = ["allowed.example", "database"]
[process]
env = ["PLACE"]
TOML
done

[ $# -gt 0 ] || set -- $(rows)
"$HERE/../containers/enter.sh" --add-host allowed.example:203.0.113.7 --add-host database:203.0.113.7 --env PLACE="$PLACE" --env SCRATCH="$SCRATCH" \
    --env PATH="$PATH" -- sh "$PLACE/run.sh" contained "$@" >"$PLACE/contained" 2>"$PLACE/contained.log" || sed 's/^/container: /' "$PLACE/contained.log" >&2
echo "| what | netns | broker | broker, in a container | why, and what to do |"
echo "|---|---|---|---|---|"
for name in "$@"; do
    named "$name"
    bare=$(control "$name"); netns=$(walled netns "$name"); broker=$(walled broker "$name")
    contained=$(sed -n "s/^$name //p" "$PLACE/contained")
    line=$(sed -n "s/^row $name \"\\(.*\\)\" \"\\(.*\\)\"\$/\\1 | ${netns%% *} | ${broker%% *} | ${contained%% *} | \\2/p" "$PLACE/rows.sh" | sed 's/\\\(.\)/\1/g')
    [ "$bare" = works ] || [ "$name" = user ] || echo "NOT RUN: $name does not work here without walls: $bare" >&2
    for said in "$netns" "$broker" "$contained"; do [ "$said" = works ] || echo "$name: $said" >&2; done
    echo "| $line |"
done
