#!/bin/sh
# Installs what building and testing need on Debian and Ubuntu, as root; elsewhere says exactly what to install.
set -eu

need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }

missing=""
need cc gcc
need make make
need git git
need git-lfs git-lfs
need python3 python3
need curl curl
need ip iproute2
need setpriv util-linux
need runc runc
need podman podman
need buildah buildah
need mmdebstrap mmdebstrap
need flock util-linux
need javac default-jdk-headless
need tinyproxy tinyproxy
need squid squid
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing$missing"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        # shellcheck disable=SC2086 # a list of packages
        apt-get install -qq -y --no-install-recommends $missing >/dev/null
    else
        case "$missing " in
        *gcc* | *make* | *" git "*)
            echo "setup: please install:$missing (Debian, Ubuntu: sudo apt-get install --no-install-recommends$missing)" >&2
            exit 1
            ;;
        esac
        echo "setup: not installed, so some tests will not run:$missing" >&2
    fi
fi
if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: Rust is missing; install it with rustup (https://rustup.rs), the version stands in rust-toolchain.toml" >&2
    exit 1
fi
target="$(uname -m)-unknown-linux-musl"
if command -v rustup >/dev/null 2>&1 && ! rustup target list --installed | grep -qx "$target"; then
    rustup target add "$target" || echo "setup: the target $target cannot be had; building for this machine's C library instead" >&2
fi
# AWS' own library and a stand-in for its token service, which signatures and roles are tested beside, and readers of reports and schemas.
peers="${XDG_CACHE_HOME:-$HOME/.cache}/tidewaiter/python"
if [ ! -e "$peers/complete-3" ]; then
    if rm -rf "$peers" && python3 -m venv "$peers" 2>/dev/null &&
        "$peers/bin/pip" install -q --disable-pip-version-check botocore==1.44.8 moto==5.2.5 flask==3.1.3 flask-cors==6.0.5 \
            jsonschema==4.26.0 lxml==6.1.3 junitparser==5.0.3; then
        # OASIS' schema of SARIF, as a package carries it.
        if command -v npm >/dev/null 2>&1; then
            (cd "$peers" && npm pack --silent @microsoft/jest-sarif@1.0.0-beta.0 >/dev/null &&
                tar -xzOf microsoft-jest-sarif-*.tgz package/lib/schemas/sarif-2.1.0-rtm.5.json >sarif.schema.json && rm -f ./*.tgz) || rm -f "$peers/sarif.schema.json"
        fi
        # Jenkins' schema of JUnit reports, as the sources of pytest carry it.
        (cd "$peers" && bin/pip download -q --disable-pip-version-check --no-deps --no-binary pytest pytest==8.4.2 &&
            tar -xzOf pytest-*.tar.gz pytest-8.4.2/testing/example_scripts/junit-10.xsd >junit-10.xsd && rm -f ./*.tar.gz) || rm -f "$peers/junit-10.xsd"
        touch "$peers/complete-3"
    else
        rm -rf "$peers"
        echo "setup: botocore, moto, jsonschema, lxml and junitparser cannot be had (python3-venv, network), so some tests will not run" >&2
    fi
fi
# Package managers that read from registries through the gateway.
tools="${XDG_CACHE_HOME:-$HOME/.cache}/tidewaiter/tools"
if [ ! -e "$tools/complete-1" ]; then
    if rm -rf "$tools" && mkdir -p "$tools/bin" && command -v npm >/dev/null 2>&1 &&
        npm install --prefix "$tools" --no-audit --no-fund --loglevel=error pnpm@10.34.9 @yarnpkg/cli-dist@4.18.1 >&2 &&
        python3 -m venv "$tools/python" 2>/dev/null && "$tools/python/bin/pip" install -q --disable-pip-version-check uv==0.13.9; then
        ln -s ../node_modules/.bin/pnpm ../node_modules/.bin/yarn ../python/bin/uv "$tools/bin"
        touch "$tools/complete-1"
    else
        rm -rf "$tools"
        echo "setup: pnpm, yarn and uv cannot be had (npm, python3-venv, network), so some tests will not run" >&2
    fi
fi
