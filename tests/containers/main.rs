//! The whole job in containers as GitLab's runners make them: the project's own image, run by runc through podman, with
//! Docker's default seccomp profile and its 14 capabilities unless the row says otherwise. GitLab and the provider stand on
//! loopback, beside the containers, in a network namespace with nothing else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../examples/demo/agent.rs"]
#[allow(dead_code, unreachable_pub, missing_docs)]
mod agent;
mod demo;
mod keys;
mod killed;
mod place;
mod runner;
mod scene;
mod search;
#[path = "../support/mod.rs"]
mod support;

use place::Claude;
use runner::Runner;

#[test]
fn the_demo_passes_in_an_unprivileged_container_as_root() {
    place::play("the demo as root", "demo::inside", Runner::Root, Claude::Helps);
}

#[test]
fn the_demo_passes_in_an_unprivileged_container_as_another_user() {
    place::play("the demo as another user", "demo::inside", Runner::User, Claude::Helps);
}

#[test]
fn the_demo_passes_in_a_privileged_container() {
    place::play("the demo, privileged", "demo::inside", Runner::Privileged, Claude::Helps);
}

#[test]
fn the_demo_passes_under_the_restricted_profile_of_kubernetes() {
    place::play("the demo, restricted", "demo::inside", Runner::Restricted, Claude::Helps);
}

#[test]
fn root_without_capabilities_is_refused() {
    place::play("root without capabilities", "demo::inside_refused", Runner::Powerless, Claude::Unused);
}

#[test]
fn claude_finds_the_key_nowhere_on_the_host() {
    place::play("searching for the key on the host", "keys::inside", Runner::Host, Claude::Needed);
}

#[test]
fn claude_finds_the_key_nowhere_in_a_container_as_root() {
    place::play("searching for the key as root", "keys::inside", Runner::Root, Claude::Needed);
}

#[test]
fn claude_finds_the_key_nowhere_in_a_container_as_another_user() {
    place::play("searching for the key as another user", "keys::inside", Runner::User, Claude::Needed);
}

#[test]
fn a_killed_container_pushes_nothing_by_halves_and_leaves_nothing_that_runs() {
    place::play("killing containers", "killed::inside", Runner::Root, Claude::Unused);
}

#[test]
fn a_cancelled_container_pushes_nothing() {
    place::play("cancelling containers", "killed::inside_cancelled", Runner::Root, Claude::Unused);
}
