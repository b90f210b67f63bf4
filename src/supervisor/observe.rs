//! An observed run: how far its files are opened, what it is judged by, and the count of what would have been refused.
//!
//! Files are opened for reading only, and not those that may hold other people's secrets: these stay refused, and are noted.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Task;
use crate::{
    environment::{self, Variables},
    fence::{Watching, watching},
    journal::{self, Access, Event, Journal, Kind, Refusal, Tally},
    landlock::{DEVICES, Grants, Ports, TERMINALS},
};

/// Homes, what other jobs and the runner keep (checkouts, files of variables, temporary files), sockets and secrets of services,
/// state of container engines and mail, and devices.
const HIDDEN: &[&str] = &[
    "/root",
    "/home",
    "/builds",
    "/cache",
    "/tmp",
    "/var/tmp",
    "/run",
    "/var/run",
    "/secrets",
    "/vault",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/kubelet",
    "/var/mail",
    "/var/spool",
    "/dev",
];

/// File systems in which nothing but the kernel's own is found.
const KEPT_IN_MEMORY: &[&str] = &["tmpfs", "ramfs"];

/// Variables of the job that name a directory in which the runner keeps what is not the agent's.
const RUNNERS: &[&str] = &["HOME", "TMPDIR", "CI_BUILDS_DIR", "RUNNER_TEMP_PROJECT_DIR"];

/// What an enforced run would have been granted: `grants`, before they were widened.
pub(super) fn watching(grants: &Grants, unix: bool, own_network: bool) -> Watching {
    let found = |lists: &[&Vec<PathBuf>]| lists.iter().flat_map(|list| list.iter()).filter_map(|path| path.canonicalize().ok()).collect();
    let ports = match &grants.ports {
        Ports::Open => None,
        Ports::Closed => Some(watching::Ports { named: vec![], own: (1, 0) }),
        Ports::Only { connect, low, high } => Some(watching::Ports { named: connect.clone(), own: (*low, *high) }),
    };
    Watching {
        read: found(&[&grants.read, &grants.read_if_there]),
        write: found(&[&grants.write]),
        devices: DEVICES.iter().chain(if own_network { TERMINALS } else { &[] }).map(PathBuf::from).collect(),
        deny: found(&[&grants.deny]),
        ports,
        unix,
        own_network,
    }
}

/// All that may be read besides, so that a command finds what it looks for: the whole file system but what is hidden.
pub(super) fn widened(task: &Task<'_>) -> Vec<PathBuf> {
    let mut hidden: Vec<PathBuf> = HIDDEN.iter().map(PathBuf::from).collect();
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    hidden.extend(homes(&read("/etc/passwd")));
    hidden.extend(memory(&read("/proc/self/mountinfo")));
    hidden.extend(named(task.job, &task.policy.process.env));
    hidden.push(task.room.base().to_owned());
    let hidden: Vec<PathBuf> = hidden.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    let mut open = Vec::new();
    entries(Path::new("/"), &hidden, &mut open);
    open
}

/// Homes of passwd(5) but the root and those that lie among the programs.
fn homes(passwd: &str) -> impl Iterator<Item = PathBuf> {
    let homes = passwd.lines().filter_map(|line| line.split(':').nth(5)).map(PathBuf::from);
    homes.filter(|home| home.is_absolute() && home != Path::new("/") && !["/usr", "/bin", "/sbin"].iter().any(|of| home.starts_with(of)))
}

/// Mount points of file systems in memory (proc(5), mountinfo), where engines put secrets; shared memory is the policy's.
fn memory(mounts: &str) -> impl Iterator<Item = PathBuf> {
    mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?.replace("\\040", " ");
        let is_memory = KEPT_IN_MEMORY.contains(&right.split(' ').next()?);
        // Engines cover what they hide of the kernel's own with them.
        let is_kernels = ["/proc", "/sys"].iter().any(|of| Path::new(&point).starts_with(of));
        (is_memory && !is_kernels && point != "/").then(|| PathBuf::from(point))
    })
}

/// Places that variables of the job name: the runner's own, with the files of variables beside the checkout, and every file
/// that a variable names which the agent does not get.
fn named(job: &Variables, extra: &[String]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (name, value) in job {
        let path = PathBuf::from(value);
        let is_runners = RUNNERS.iter().any(|runners| name == runners);
        // `_` is how a shell names the program that it starts (bash(1)): ours.
        let is_file = name != "_" && !environment::inherited(name, extra) && path.is_file();
        if name == "CI_PROJECT_DIR" {
            found.push(PathBuf::from(format!("{}.tmp", path.display())));
        }
        if path.is_absolute() && path != Path::new("/") && (is_runners || is_file) {
            found.push(path);
        }
    }
    found
}

/// Entries beneath `directory`, whole where nothing in them is hidden: Landlock's rules can only add.
fn entries(directory: &Path, hidden: &[PathBuf], open: &mut Vec<PathBuf>) {
    // What we cannot list, the agent need not read.
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_link = entry.file_type().map_or(true, |kind| kind.is_symlink());
        if is_link || hidden.iter().any(|hidden| path.starts_with(hidden)) {
            continue;
        }
        if hidden.iter().any(|hidden| hidden.starts_with(&path)) {
            entries(&path, hidden, open);
        } else {
            open.push(path);
        }
    }
}

/// Counts what the broker and the gateway tell.
#[derive(Debug, Default)]
pub(super) struct Observation(Tally);

impl Observation {
    /// Takes what `event` tells; true when the journal shall not have it as it is, but at the end.
    pub(super) fn takes(&mut self, event: &Event) -> bool {
        match event {
            Event::WouldRefuse { refusal, count } => {
                self.0.add(refusal.clone(), *count);
                true
            }
            Event::Observed { left_out, .. } => {
                self.0.leave_out(*left_out);
                true
            }
            Event::Gateway { unlisted, rule, host, .. } => {
                let add = |tally: &mut Tally, kind| {
                    tally.add(Refusal { kind, what: host.clone(), access: Access::Connect, program: String::new() }, 1)
                };
                if *unlisted {
                    add(&mut self.0, Kind::Host);
                }
                if rule == "network/address" {
                    add(&mut self.0, Kind::Address);
                }
                false
            }
            _ => false,
        }
    }

    /// Writes one record for each distinct thing, and one that the run is over. Returns how many things there were.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(super) fn record(&self, status: Option<i32>, journal: &mut Journal) -> Result<u64, journal::Error> {
        for (refusal, count) in self.0.seen() {
            journal.record(&Event::WouldRefuse { refusal: refusal.clone(), count })?;
        }
        let distinct = u64::try_from(self.0.seen().count()).unwrap_or(u64::MAX);
        journal.record(&Event::Observed { status, distinct, left_out: self.0.left_out() })?;
        Ok(distinct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_and_file_systems_in_memory_are_found() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbin:x:2:2:bin:/bin:/no\nwww:x:33:33:www:/var/www:/no\nsync:x:4:4::/:\nx:x:5:5::rel:\n";
        assert_eq!(homes(passwd).collect::<Vec<_>>(), ["/root", "/var/www"].map(PathBuf::from));
        let mounts = "1 0 0:1 / / rw - tmpfs o rw\n2 1 0:2 / /mnt/a\\040key rw - tmpfs p rw\n3 1 0:3 / /data rw - ext4 e rw\n4 1 0:4 / /proc/acpi rw - tmpfs t rw\n";
        assert_eq!(memory(mounts).collect::<Vec<_>>(), [PathBuf::from("/mnt/a key")]);
    }

    #[test]
    fn files_of_variables_are_hidden_unless_the_agent_gets_them() {
        let directory = tempfile::TempDir::new().unwrap();
        let key = directory.path().join("key");
        fs::write(&key, "").unwrap();
        let mut job = Variables::new();
        for (name, value) in [("KUBECONFIG", key.as_path()), ("_", &key), ("HOME", directory.path()), ("CI_PROJECT_DIR", Path::new("/b/p"))]
        {
            job.insert(name.into(), value.into());
        }
        job.insert("OTHER".into(), "/usr".into());
        assert_eq!(named(&job, &[]), [PathBuf::from("/b/p.tmp"), directory.path().to_owned(), key.clone()]);
        assert!(!named(&job, &["KUBECONFIG".to_owned()]).contains(&key));
    }

    #[test]
    fn what_is_hidden_is_left_out_and_its_neighbours_are_not() {
        let directory = tempfile::TempDir::new().unwrap();
        let place = directory.path().canonicalize().unwrap();
        for name in ["a/secret", "a/b", "c"] {
            fs::create_dir_all(place.join(name)).unwrap();
        }
        std::os::unix::fs::symlink(place.join("a/secret"), place.join("link")).unwrap();
        let mut open = Vec::new();
        entries(&place, &[place.join("a/secret")], &mut open);
        open.sort();
        assert_eq!(open, [place.join("a/b"), place.join("c")]);
    }

    #[test]
    fn the_gateways_records_are_counted_and_kept() {
        let mut observation = Observation::default();
        let event = |unlisted: bool, rule: &str| {
            let text = format!(
                r#"{{"event":"gateway","allowed":true,"way":"tunnel","method":"CONNECT","host":"a.example:443","path":"","rule":"{rule}","reason":"","status":null,"up":0,"down":0,"ms":0,"unlisted":{unlisted}}}"#
            );
            serde_json::from_str::<Event>(&text).unwrap()
        };
        for (unlisted, rule) in [(true, "network/tunnel"), (true, "network/tunnel"), (false, "network/tunnel"), (true, "network/address")] {
            assert!(!observation.takes(&event(unlisted, rule)));
        }
        let counted: Vec<_> = observation.0.seen().map(|(refusal, count)| (refusal.kind, count)).collect();
        assert_eq!(counted, [(Kind::Host, 3), (Kind::Address, 1)]);
        assert_eq!(observation.record(Some(0), &mut Journal::unwritten()).unwrap(), 2);
    }
}
