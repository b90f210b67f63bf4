#!/bin/sh
# Builds the Debian image around a static binary, from a local base image; no registry is asked.
#
#   build.sh BINARY
#
# TIDEWAITER_BASE    base image                       [localhost/debian-git, made by images/debian/base.sh if it is missing]
# TIDEWAITER_IMAGE   name of the image that is built  [localhost/tidewaiter:debian]
# Storage is buildah's default, or what CONTAINERS_STORAGE_CONF says. Works as root, and needs no running daemon.
set -eu
binary=${1:?usage: build.sh BINARY}
base=${TIDEWAITER_BASE:-localhost/debian-git}
image=${TIDEWAITER_IMAGE:-localhost/tidewaiter:debian}
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "image: $*" >&2
    exit 1
}

[ -x "$binary" ] || fail "$binary is not there; \`make build\` makes it"
command -v buildah >/dev/null 2>&1 || fail "buildah is missing (Debian, Ubuntu: sudo apt-get install buildah mmdebstrap)"
# A dynamic binary would load the image's own C library and name service modules before any wall stands.
if ldd "$binary" 2>/dev/null | grep -q '=>'; then
    fail "$binary is not static; \`rustup target add $(uname -m)-unknown-linux-musl\`, then \`make build\` again"
fi
if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    [ -z "${TIDEWAITER_BASE:-}" ] || fail "the base $base (TIDEWAITER_BASE) is not stored here; \`buildah images\` lists what is"
    sh "$root/images/debian/base.sh" "$base"
fi

version=$("$binary" --version | cut -d ' ' -f 2)
revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
[ -z "$(git -C "$root" status --porcelain --untracked-files=no 2>/dev/null)" ] || revision="$revision-changed"
# Only an address without credentials is worth a label.
source=${CI_PROJECT_URL:-$(git -C "$root" remote get-url origin 2>/dev/null | sed -n 's|^\(https*://\)\([^/@]*@\)\{0,1\}|\1|p')}

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
mkdir "$context/policies"
cp "$root/LICENSE" "$context/"
cp "$root/policies/default.toml" "$context/policies/"
cp "$binary" "$context/tidewaiter"
set -- --label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$revision"
[ -z "$source" ] || set -- "$@" --label "org.opencontainers.image.source=$source"
# Chroot isolation needs no container runtime; the build still has to be allowed to mount.
buildah build --quiet --isolation "${BUILDAH_ISOLATION:-chroot}" --pull=never --build-arg "BASE=$base" "$@" \
    --file "$root/Containerfile" --tag "$image" "$context" >/dev/null
echo "image: built $image ($version, $revision)"
