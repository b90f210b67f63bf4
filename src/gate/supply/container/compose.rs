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
            if top == "include" {
                let text = value.text().into_iter().chain(value.items().filter_map(|item| item.text()));
                found.images.extend(text.filter(|text| text.contains("://")).map(|text| ("include".to_owned(), text.to_owned())));
                value.items().for_each(|item| walk(&mut found, &mut left, top, item));
            }
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
            let elsewhere = || text.contains("://") || text.starts_with("git@") || text.starts_with("github.com/");
            let built = matches!(key, "build" | "context" | "include" | "path" | "file" | "base") && elsewhere();
            if key == "image" || built {
                found.images.insert((service.to_owned(), text.to_owned()));
            }
            if key == "dockerfile_inline" {
                let inner = super::Build::read(text);
                found.images.extend(inner.images.into_iter().map(|image| (service.to_owned(), image)));
                found.rights.extend(inner.remote.into_iter().chain(inner.piped).map(|what| (service.to_owned(), what)));
            }
        }
        for item in inner.items() {
            *left = left.saturating_sub(1);
            if let Some(right) = item.text().and_then(|text| listed(key, text)) {
                found.rights.insert((service.to_owned(), right));
            }
            if let Some(text) = item.text().filter(|text| key == "include" && text.contains("://")) {
                found.images.insert((service.to_owned(), text.to_owned()));
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
        "source" | "device" | "file" | "env_file" => is_host_path(text),
        "use_api_socket" => is_true(text),
        "runtime" => !matches!(text, "runc" | "nvidia" | "io.containerd.runc.v2"),
        "kernel.core_pattern" => true,
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
        "volumes" => is_host_path(text),
        "group_add" => matches!(text, "docker" | "root" | "0" | "wheel" | "sudo"),
        "env_file" => is_host_path(text),
        "entitlements" => text.contains("insecure") || text.contains("network.host"),
        _ => false,
    };
    found.then(|| format!("{key}: {text}"))
}

/// A path without `.` and `..`; none where it climbs above the folder of the project's own.
fn plain(path: &str) -> Option<String> {
    let (root, mut names, mut above) = (if path.starts_with('/') { "/" } else { "" }, Vec::new(), 0);
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.pop().is_none() => above += 1,
            ".." => {}
            name => names.push(name),
        }
    }
    // One folder up is where a Compose file in a folder of its own finds the project.
    (above < 2 || !root.is_empty()).then(|| root.to_owned() + &names.join("/"))
}

/// Whether a path of the host gives a container the host, or much of it.
fn is_host_path(path: &str) -> bool {
    const HARMLESS: &[&str] = &["/etc/localtime", "/etc/timezone", "/etc/ssl/certs", "/etc/hosts", "/dev/shm", "/dev/null"];
    // A variable is what it is where nobody set it.
    let unset = path.strip_prefix("${").and_then(|rest| rest.split_once('}')).and_then(|(inner, rest)| {
        let (_, otherwise) = inner.split_once('-')?;
        Some(otherwise.to_owned() + rest)
    });
    let path = unset.as_deref().unwrap_or(path).split(':').next().unwrap_or_default();
    let Some(path) = &plain(path) else { return true };
    let path = path.as_str();
    let inside = HOST.iter().any(|folder| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
    let home = matches!(path, "~" | "$HOME" | "${HOME}")
        || ["~/.ssh", "$HOME/.ssh", "${HOME}/.ssh", "~/.aws", "~/.docker"].iter().any(|start| path.starts_with(start));
    let socket = path.ends_with("docker.sock") || path.ends_with("containerd.sock") || path.ends_with("podman.sock");
    let whole = matches!(path, "/mnt" | "/opt" | "/c" | "/srv");
    socket || whole || ((path == "/" || inside || home) && !HARMLESS.contains(&path))
}
