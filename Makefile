# What people do with this repository. `make help` lists it.

SHELL := /bin/sh
# The static binary where the toolchain can make it, else an ordinary one for this machine.
MUSL := $(shell uname -m)-unknown-linux-musl
TARGET := $(shell if rustc --print target-libdir --target $(MUSL) 2>/dev/null | xargs -r test -d; then echo $(MUSL); else rustc -vV | sed -n 's/^host: //p'; fi)
export CARGO_BUILD_TARGET = $(TARGET)
BINARY := target/$(TARGET)/release/tidewaiter

.PHONY: help setup build demo test lint check bench escape compatibility gate-corpus image fuzz clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what building and testing need, or say what to install
	@sh tests/setup.sh

build: setup ## Build the release binary
	cargo build --release --locked

demo: build ## One merge request opened, five attacks refused, in a scratch directory on this machine
	cargo run --release --locked --example demo

test: setup ## Pass every test; what cannot run here is said aloud
	@sh tests/all.sh

lint: ## Formatting, lints and dependencies
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
	cargo deny check bans licenses sources

check: lint test ## Lint and test

bench: build ## Measure, paired in one run
	@sh benches/run.sh $(BINARY)

escape: setup ## Every escape attempt in every place, with a table of what came of it
	cargo test --locked --test escape -- --nocapture

compatibility: build ## What works inside of which fence, each row from a run (docs/compatibility.md)
	@sh tests/compatibility/run.sh $(BINARY)

gate-corpus: setup ## The gate against attacks, look-alikes and real changes, which it fetches first (docs/gate-corpus.md)
	@sh tests/gate/run.sh

image: build ## Build the container image from a local base (buildah)
	@sh images/build.sh $(BINARY)

fuzz: ## Feed the parsers with bytes of all kinds, FUZZ_SECONDS (30) for each
	@sh fuzz/run.sh

clean: ## Remove what was built
	cargo clean
