#!/bin/sh
# Fetches the archives of sources.tsv by name and version with the ordinary clients, compares their digests, and unpacks them
# beneath ${XDG_CACHE_HOME:-~/.cache}/tidewaiter/corpus/sources. Nothing that a package holds is run.
# A line without a digest is fetched too, and its digest is told, to be put in.
set -u
list=$(cd "$(dirname "$0")" && pwd)/sources.tsv
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tidewaiter/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache/archives" "$cache/sources"

# Each puts one archive into the folder $work/in.
crate() {
    cargo info --quiet --registry crates-io "$1@$2" >"$work/said" 2>&1 || return
    cp "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$1-$2.crate" "$work/in/"
}

npm_package() {
    npm pack --silent --ignore-scripts --pack-destination "$work/in" "$1@$2" >"$work/said" 2>&1
}

# Wheels, as the ordinary client runs what a source distribution holds only to ask it for its name.
wheel() {
    pip download --quiet --no-deps --only-binary :all: --platform any --python-version 3.12 --dest "$work/in" "$1==$2" >"$work/said" 2>&1
}

# The packaging of a Debian source package: what changes from one revision to the next.
debian() {
    [ -d "$work/apt" ] || sources || return
    # shellcheck disable=SC2046 # several options
    (cd "$work/in" && apt-get source --quiet --download-only $(options) "$1=$2") >"$work/said" 2>&1
    find "$work/in" -type f ! -name '*.debian.tar.xz' -delete
}

options() {
    printf '%s ' -o "Dir::Etc::sourcelist=$work/apt/list.sources" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/apt/lists" \
        -o "Dir::Cache=$work/apt/cache" -o APT::Sandbox::User=root
}

# This machine's own Debian sources, asked for source packages, in lists of our own.
sources() {
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    sed 's/^Types: *deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$work/apt/list.sources" || return
    # shellcheck disable=SC2046 # several options
    apt-get update --quiet $(options) >"$work/said" 2>&1
}

unpack() { # archive, folder
    rm -rf "$2" "$work/out"
    mkdir -p "$work/out" "$(dirname "$2")"
    case $1 in
    *.whl) python3 -m zipfile -e "$1" "$work/out" ;;
    *) tar -xf "$1" -C "$work/out" --no-same-owner --strip-components=1 ;;
    esac && mv "$work/out" "$2"
}

fetched=0 missing=0 wrong=0
while IFS='	' read -r kind name version digest; do
    case $kind in '#'* | '') continue ;; esac
    archive=$(find "$cache/archives/$kind/$name/$version" -type f 2>/dev/null | head -n 1)
    if [ -z "$archive" ]; then
        rm -rf "$work/in" && mkdir "$work/in"
        case $kind in
        crate) crate "$name" "$version" ;;
        npm) npm_package "$name" "$version" ;;
        wheel) wheel "$name" "$version" ;;
        debian) debian "$name" "$version" ;;
        *) echo "unknown kind $kind" >"$work/said" && false ;;
        esac </dev/null
        archive=$(find "$work/in" -type f | head -n 1)
        if [ -z "$archive" ]; then
            echo "NOT FETCHED: $kind $name $version: $(tail -n 1 "$work/said")"
            missing=$((missing + 1))
            continue
        fi
    fi
    found=$(sha256sum "$archive" | cut -d ' ' -f 1)
    if [ -z "$digest" ]; then
        echo "NO DIGEST: $kind	$name	$version	$found"
    elif [ "$found" != "$digest" ]; then
        echo "WRONG DIGEST: $kind $name $version has $found"
        rm -f "$archive"
        wrong=$((wrong + 1))
        continue
    fi
    mkdir -p "$cache/archives/$kind/$name/$version"
    case $archive in "$work"/*) mv "$archive" "$cache/archives/$kind/$name/$version/" ;; esac
    archive=$(find "$cache/archives/$kind/$name/$version" -type f | head -n 1)
    [ -d "$cache/sources/$kind/$name/$version" ] || unpack "$archive" "$cache/sources/$kind/$name/$version" || wrong=$((wrong + 1))
    fetched=$((fetched + 1))
done <"$list"
# A registry may take a version back, and Debian keeps only the newest: what is left is judged all the same.
echo "$fetched archives are there, $missing could not be fetched, $wrong are not what the list says"
[ "$wrong" -eq 0 ]
