//! Compose files (docs.docker.com, "Compose file reference").

use std::collections::BTreeSet;

use crate::gate::{
    content::File,
    finding::{Judge, Way},
    yaml::{self, Value},
};

/// Values that are looked at in one file; aliases make more of a few.
const VALUES: usize = 100_000;

/// Bytes of a service's name. Each of its rights is told with it.
const NAME: usize = 256;

/// Paths of the host that nothing should have; what ends with a slash stands for all that is in it.
const HOST: &[&str] = &[
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/root",
    "/boot",
    "/var/run",
    "/run",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/home",
    "/usr",
    "/var",
];

/// Keys whose own keys are the program's words.
const OWN: &[&str] = &["environment", "labels", "annotations", "args", "command", "entrypoint", "healthcheck", "extra_hosts"];

/// Services with what each has.
type Found = BTreeSet<(String, String)>;

/// What matters of a Compose file.
#[derive(Default)]
pub(super) struct Services {
    rights: Found,
    images: Found,
}

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let old = file.old_text.and_then(read).unwrap_or_default();
    match file.text.and_then(read) {
        Some(new) => {
            super::rights(judge, file, &old.rights, &new.rights);
            super::images(judge, file, &old.images, &new.images);
        }
        None => judge.find("container/privilege", file, "this Compose file cannot be read".to_owned(), Way::Rule),
    }
}

pub(super) fn read(text: &str) -> Option<Services> {
    let documents = yaml::parse(text)?;
    let (mut found, mut left) = (Services::default(), VALUES);
    for document in &documents {
        for (key, value) in document.pairs() {
            let top = key.text().unwrap_or_default();
            let is_list = matches!(top, "services") || !value.pairs().any(|_| true);
            if is_list {
                value.pairs().for_each(|(name, service)| walk(&mut found, &mut left, name.text().unwrap_or_default(), service));
            } else {
                // Templates that services take over, volumes and networks.
                walk(&mut found, &mut left, top, value);
            }
        }
    }
    (left > 0).then_some(found)
}

fn walk(found: &mut Services, left: &mut usize, service: &str, value: &Value) {
    if service.len() > NAME {
        *left = 0;
    }
    for (key, inner) in value.pairs() {
        *left = left.saturating_sub(1);
        if *left == 0 {
            return;
        }
        let key = key.text().unwrap_or_default();
        if OWN.contains(&key) {
            continue;
        }
        if let Some(text) = inner.text() {
            if let Some(right) = scalar(key, text) {
                found.rights.insert((service.to_owned(), right));
            }
            if key == "image" {
                found.images.insert((service.to_owned(), text.to_owned()));
            }
        }
        for item in inner.items() {
            *left = left.saturating_sub(1);
            if let Some(right) = item.text().and_then(|text| listed(key, text)) {
                found.rights.insert((service.to_owned(), right));
            }
            walk(found, left, service, item);
        }
        walk(found, left, service, inner);
    }
}

fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1" | "y")
}

fn scalar(key: &str, text: &str) -> Option<String> {
    let found = match key {
        "privileged" => is_true(text),
        "network_mode" | "pid" | "ipc" | "userns_mode" | "uts" | "cgroup" | "network" => text.eq_ignore_ascii_case("host"),
        "user" => matches!(text.split(':').next(), Some("0" | "root")),
        "source" | "device" => is_host_path(text),
        "entitlements" => text.contains("insecure"),
        _ => false,
    };
    found.then(|| format!("{key}: {text}"))
}

fn listed(key: &str, text: &str) -> Option<String> {
    let found = match key {
        "cap_add" | "devices" | "device_cgroup_rules" => true,
        "security_opt" => {
            ["unconfined", "disable", "no-new-privileges:false", "no-new-privileges=false"].iter().any(|part| text.contains(part))
        }
        "volumes" => is_host_path(text.split(':').next().unwrap_or_default()),
        "entitlements" => text.contains("insecure") || text.contains("network.host"),
        _ => false,
    };
    found.then(|| format!("{key}: {text}"))
}

/// Whether a path of the host gives a container the host, or much of it.
fn is_host_path(path: &str) -> bool {
    const HARMLESS: &[&str] = &["/etc/localtime", "/etc/timezone", "/etc/ssl/certs", "/etc/hosts", "/dev/shm", "/dev/null"];
    let path = path.split(':').next().unwrap_or_default();
    let path = if path == "/" { path } else { path.trim_end_matches('/') };
    let inside = HOST.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let home = matches!(path, "~" | "$HOME" | "${HOME}")
        || ["~/.ssh", "$HOME/.ssh", "${HOME}/.ssh", "~/.aws", "~/.docker"].iter().any(|start| path.starts_with(start));
    let socket = path.ends_with("docker.sock") || path.ends_with("containerd.sock") || path.ends_with("podman.sock");
    socket || ((path == "/" || inside || home) && !HARMLESS.contains(&path))
}
