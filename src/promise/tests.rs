use super::{container::Container, *};
use crate::policy::Source;

fn policy(text: &str) -> Policy {
    Policy::compose(vec![Source { name: "test".to_owned(), text: format!("version = 1\n{text}") }]).unwrap()
}

/// Root in an ordinary container of Docker's.
fn docker() -> Host {
    Host {
        kernel: "6.12.0".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        landlock: 6,
        landlock_errata: 0,
        refused: Refused::default(),
        absent: None,
        cgroup: None,
        namespaces: Namespaces::None,
        uid: 0,
        separate_uid: true,
        pid1: true,
        capabilities: vec!["CAP_KILL".to_owned()],
        container: Container::Docker,
    }
}

fn other_user(host: Host) -> Host {
    Host { uid: 1000, separate_uid: false, capabilities: vec![], ..host }
}

/// The same where something was tried and did not work.
fn without(what: impl FnOnce(&mut Refused) -> &mut Option<Lack>) -> Host {
    let mut host = docker();
    *what(&mut host.refused) = Some(Lack { missing: "this".to_owned(), remedy: "That".to_owned() });
    host
}

fn refused(host: Host, text: &str) -> &'static str {
    stand(host, &policy(text)).map(|_| "").unwrap_or_else(|missing| missing.promise)
}

#[test]
fn the_best_fence_that_holds_is_taken() {
    let fence = |host: Host, text: &str| stand(host, &policy(text)).unwrap().fence;
    assert_eq!(fence(docker(), ""), Fence::Broker);
    assert_eq!(fence(Host { namespaces: Namespaces::Plain, ..docker() }, ""), Fence::Netns);
    assert_eq!(fence(Host { namespaces: Namespaces::Plain, ..docker() }, "[network]\nfence = \"broker\""), Fence::Broker);
    assert_eq!(fence(Host { namespaces: Namespaces::User, ..other_user(docker()) }, ""), Fence::UserNetns);
    // A user namespace that knows one uid is no place for an agent with another.
    assert_eq!(fence(Host { namespaces: Namespaces::User, ..docker() }, ""), Fence::Broker);
    assert_eq!(refused(docker(), "[network]\nfence = \"netns\""), "network");
}

#[test]
fn each_missing_feature_is_refused_by_the_promise_that_needs_it() {
    for (host, expected) in [
        (docker(), ""),
        (other_user(docker()), ""),
        (Host { landlock: 0, ..docker() }, "files"),
        (without(|refused| &mut refused.start), "files"),
        (without(|refused| &mut refused.landlock), "files"),
        (without(|refused| &mut refused.listener), "network"),
        (Host { namespaces: Namespaces::Plain, ..without(|refused| &mut refused.listener) }, "kernel-surface"),
        (without(|refused| &mut refused.broker), "network"),
        (Host { namespaces: Namespaces::Plain, ..without(|refused| &mut refused.broker) }, ""),
        (without(|refused| &mut refused.ports), "loopback"),
        (Host { absent: Some("/opt/tools".into()), ..docker() }, "files"),
        (Host { architecture: "riscv64".to_owned(), ..docker() }, "kernel-surface"),
        (Host { separate_uid: false, ..docker() }, "privilege"),
        // Ubuntu 24.04, and Amazon Linux 2023.
        (Host { landlock: 4, ..docker() }, ""),
        (Host { landlock: 4, ..other_user(docker()) }, "signals"),
        (Host { landlock: 2, ..docker() }, "loopback"),
        (Host { landlock: 2, namespaces: Namespaces::Plain, ..docker() }, ""),
        (Host { landlock: 2, namespaces: Namespaces::User, ..other_user(docker()) }, "signals"),
        (Host { landlock: 5, capabilities: vec![], ..docker() }, "signals"),
        (Host { capabilities: vec![], ..docker() }, "room-emptied"),
    ] {
        assert_eq!(refused(host.clone(), ""), expected, "{host:?}");
    }
    assert_eq!(refused(docker(), "[require]\nlandlock = 7"), "files");
    assert_eq!(refused(Host { landlock: 4, ..docker() }, "[process]\nunix = \"allow\""), "abstract-sockets");
    assert_eq!(refused(Host { landlock: 2, ..docker() }, "[network]\nloopback = \"any\""), "");
}

#[test]
fn a_refusal_names_what_is_missing_and_what_to_do() {
    let text = |host| stand(host, &policy("")).unwrap_err().to_string();
    let gvisor = text(Host { landlock: 0, container: Container::GVisor, ..docker() });
    assert!(gvisor.contains("no Landlock") && gvisor.contains("runc"), "{gvisor}");
    let own_network = stand(docker(), &policy("[network]\nfence = \"netns\"")).unwrap_err().to_string();
    assert!(own_network.contains("cannot be made here") && own_network.contains("privileged"), "{own_network}");
    let old = text(Host { landlock: 2, ..docker() });
    assert!(old.contains("Linux 6.7") && old.contains("or say `network.loopback"), "{old}");
    let pod = text(Host { separate_uid: false, container: Container::Kubernetes, ..docker() });
    assert!(pod.contains("runners.kubernetes") && pod.contains("SETUID"), "{pod}");
}

#[test]
fn every_promise_stands_in_the_table_of_promises() {
    let table = include_str!("../../SECURITY.md");
    for promise in Promise::ALL {
        assert!(table.contains(&format!("| `{}` |", promise.id())), "SECURITY.md has no row for {}", promise.id());
    }
}
