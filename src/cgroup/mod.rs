//! A cgroup of the agent's own (cgroups(7)): bounds of all its processes together, where the policy asks for them and a cgroup
//! of ours can be written. Version 2, and the controllers that a host still has in version 1.

mod place;

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::policy::Process;
use place::Hierarchy;

/// The time over which processors are shared out, in microseconds: the kernel's default (cgroup v2, `cpu.max`).
const PERIOD: u64 = 100_000;

/// How long the last process may take to leave a cgroup after it was reaped.
const LEAVING: Duration = Duration::from_secs(2);

/// What all processes of one agent may use together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Bytes of memory, the page cache and files in memory included; none for no bound.
    pub memory_bytes: Option<u64>,
    /// Processors; none for no bound.
    pub cpus: Option<f64>,
    /// Processes and threads. Bounded where the controller is to be had; elsewhere `RLIMIT_NPROC` alone holds.
    pub processes: u64,
}

/// Cgroups that were made for one agent: one, or one in each hierarchy of version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    directories: Vec<PathBuf>,
    /// Where the kernel counts those that it killed for want of memory.
    events: Option<PathBuf>,
    told: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No hierarchy has the controller.
    #[error("no cgroup here has the controller `{0}`")]
    Absent(&'static str),
    /// Version 2 gives no controllers to a cgroup whose parent has processes (cgroups(7), "no internal processes").
    #[error("{path} has processes in it, ours among them, so that no cgroup beneath it gets the controller `{controller}`")]
    Occupied {
        /// The cgroup that we are in.
        path: PathBuf,
        /// The controller.
        controller: &'static str,
    },
    /// The cgroup above ours does not hand the controller on.
    #[error("{path} does not hand the controller `{controller}` on to the cgroups beneath it")]
    Kept {
        /// The cgroup above ours.
        path: PathBuf,
        /// The controller.
        controller: &'static str,
    },
    /// A cgroup beside ours would be out of this bound.
    #[error("{path} bounds us, and a cgroup beside ours would be out of that bound")]
    Bounded {
        /// The file with the bound.
        path: PathBuf,
    },
    /// A cgroup or a file of one that cannot be made or written.
    #[error("{path}: {source}")]
    Refused {
        /// The cgroup, or the file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Error {
    /// What would help.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Occupied { .. } => {
                "Before the job, move this container's processes into a cgroup below its own (`mkdir /sys/fs/cgroup/init`, each pid into its `cgroup.procs`), then write `+memory +cpu +pids` to /sys/fs/cgroup/cgroup.subtree_control; or take `memory_bytes` and `cpus` out of `process.limits` of the policy and bound the container instead"
            }
            Self::Kept { .. } => {
                "Write `+memory +cpu +pids` to its cgroup.subtree_control (systemd: `Delegate=yes` and `DelegateSubgroup=`), or take `memory_bytes` and `cpus` out of `process.limits` of the policy"
            }
            Self::Absent(_) | Self::Bounded { .. } | Self::Refused { .. } => {
                "Let the runner's containers write a cgroup of their own (`privileged`), or take `memory_bytes` and `cpus` out of `process.limits` of the policy and bound the container instead (`memory` and `cpus` in `[runners.docker]`)"
            }
        }
    }
}

impl Bounds {
    /// What the policy asks for; none where it names neither memory nor processors.
    pub fn of(process: &Process) -> Option<Self> {
        let Process { memory_bytes, cpus, processes, .. } = *process;
        (memory_bytes.is_some() || cpus.is_some()).then_some(Self { memory_bytes, cpus, processes })
    }

    /// For each controller its files, in the order in which they are written, and whether the kernel may lack them.
    fn files(&self, controller: &str, version: u8) -> Vec<(&'static str, String, bool)> {
        let quota = self.cpus.map_or(0, quota);
        let memory = self.memory_bytes.unwrap_or(u64::MAX).to_string();
        match (controller, version) {
            // Memory that is swapped out would go past the bound. A kernel without swap has no such file.
            ("memory", 2) => vec![("memory.max", memory, false), ("memory.swap.max", "0".to_owned(), true)],
            ("memory", _) => vec![("memory.limit_in_bytes", memory.clone(), false), ("memory.memsw.limit_in_bytes", memory, true)],
            ("cpu", 2) => vec![("cpu.max", format!("{quota} {PERIOD}"), false)],
            ("cpu", _) => vec![("cpu.cfs_period_us", PERIOD.to_string(), false), ("cpu.cfs_quota_us", quota.to_string(), false)],
            _ => vec![("pids.max", self.processes.to_string(), false)],
        }
    }

    fn controllers(&self) -> impl Iterator<Item = &'static str> {
        [self.memory_bytes.map(|_| "memory"), self.cpus.map(|_| "cpu")].into_iter().flatten()
    }
}

/// Microseconds of each [`PERIOD`]; the policy lets none be below 0.01 processors.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a checked number of processors")]
fn quota(cpus: f64) -> u64 {
    (cpus * PERIOD as f64).round() as u64
}

impl Cgroup {
    /// Makes it, with its bounds and without a process.
    ///
    /// # Errors
    /// The first thing that is missing; then nothing of it is left.
    pub fn make(bounds: &Bounds) -> Result<Self, Error> {
        let read = |path: &str| fs::read_to_string(path).map_err(|source| Error::Refused { path: path.into(), source });
        let hierarchies = place::hierarchies(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?);
        let mut made = Self { directories: vec![], events: None, told: String::new() };
        let done = made.furnish(bounds, &hierarchies);
        if done.is_err() {
            // The reason for leaving is told; that an empty directory stays is not worth another.
            let _ = made.remove();
        }
        done.map(|()| made)
    }

    fn furnish(&mut self, bounds: &Bounds, hierarchies: &[Hierarchy]) -> Result<(), Error> {
        let mut places: Vec<(PathBuf, PathBuf)> = vec![];
        for controller in bounds.controllers() {
            self.control(controller, bounds, hierarchies, &mut places)?;
        }
        let pids = self.control("pids", bounds, hierarchies, &mut places);
        let more = |text: Option<String>| text.map_or(String::new(), |text| format!("{text}, "));
        self.told = format!(
            "{}{}{} processes{}",
            more(bounds.memory_bytes.map(|bytes| format!("{bytes} bytes of memory"))),
            more(bounds.cpus.map(|cpus| format!("{cpus} processors"))),
            bounds.processes,
            pids.map_or_else(|error| format!(" (of the uid: {error})"), |()| String::new()),
        );
        Ok(())
    }

    /// Sets the bounds of one controller, in a cgroup beneath the place that has it.
    fn control(
        &mut self,
        controller: &'static str,
        bounds: &Bounds,
        hierarchies: &[Hierarchy],
        places: &mut Vec<(PathBuf, PathBuf)>,
    ) -> Result<(), Error> {
        let (parent, version) = place::parent(controller, hierarchies)?;
        let own = match places.iter().find(|(known, _)| *known == parent) {
            Some((_, own)) => own.clone(),
            None => {
                let made = nix::unistd::mkdtemp(&parent.join("tidewaiter-XXXXXX"));
                let own = made.map_err(|errno| Error::Refused { path: parent.clone(), source: errno.into() })?;
                self.directories.push(own.clone());
                places.push((parent, own.clone()));
                own
            }
        };
        for (name, value, may_lack) in bounds.files(controller, version) {
            match write(&own.join(name), &value) {
                Err(Error::Refused { source, .. }) if may_lack && source.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        if controller == "memory" {
            self.events = Some(own.join(if version == 2 { "memory.events" } else { "memory.oom_control" }));
        }
        Ok(())
    }

    /// Moves this process into it. What it starts from here on is in it too.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn join(&self) -> Result<(), Error> {
        // The writer itself (cgroups(7)).
        self.directories.iter().try_for_each(|directory| write(&directory.join("cgroup.procs"), "0"))
    }

    /// How many of its processes the kernel has killed for want of memory.
    pub fn killed(&self) -> u64 {
        let text = self.events.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        killed(&text)
    }

    /// Its bounds, in a few words.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// Removes it, when nobody is left in it. That it is gone already is as good.
    ///
    /// # Errors
    /// What is left behind.
    pub fn remove(&self) -> io::Result<()> {
        let end = Instant::now() + LEAVING;
        self.directories.iter().map(|directory| remove(directory, end)).fold(Ok(()), io::Result::and)
    }
}

fn remove(directory: &Path, end: Instant) -> io::Result<()> {
    loop {
        match fs::remove_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < end => sleep(Duration::from_millis(2)),
            other => return other,
        }
    }
}

/// The count `oom_kill` of `memory.events` (version 2) and `memory.oom_control` (version 1).
fn killed(text: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}

/// Writes what is there: a cgroup's files come with it.
fn write(path: &Path, value: &str) -> Result<(), Error> {
    let written = File::options().write(true).open(path).and_then(|mut file| file.write_all(value.as_bytes()));
    written.map_err(|source| Error::Refused { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_become_a_part_of_the_period() {
        assert_eq!([0.01, 0.5, 1.0, 2.25].map(quota), [1000, 50_000, 100_000, 225_000]);
    }

    #[test]
    fn the_kernel_counts_whom_it_killed() {
        assert_eq!(killed("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"), 2);
        assert_eq!(killed("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"), 1);
        assert_eq!(killed(""), 0);
    }
}
