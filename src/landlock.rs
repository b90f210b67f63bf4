//! The Landlock wall: which files, loopback ports, signals and abstract sockets the process and its children reach.
//!
//! Paths are opened while the process is still privileged ([`open`]) and the rules are put up later ([`Opened::restrict`]).
//! Every restriction is a hard requirement: what the kernel cannot enforce is an error, never less of a wall.

use std::{
    ffi::OsStr,
    io,
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use ::landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, NetPort, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use serde::{Deserialize, Serialize};

/// The ABIs that brought rules on truncating and on TCP ports, and scopes (landlock(7)).
pub const TRUNCATE_ABI: u32 = 3;
/// See [`TRUNCATE_ABI`].
pub const PORTS_ABI: u32 = 4;
/// See [`TRUNCATE_ABI`].
pub const SCOPES_ABI: u32 = 6;

/// Device files that every program expects; readable and writable, no ioctl.
pub const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Where pseudo-terminals are (pts(4)), and the name of a process's own one (tty(4)); requests to them come with them.
pub const TERMINALS: &[&str] = &["/dev/pts", "/dev/ptmx", "/dev/tty"];

/// What is in reach.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Grants {
    /// Read and execute. Each must exist.
    pub read: Vec<PathBuf>,
    /// Read and execute; passed over where it does not exist.
    pub read_if_there: Vec<PathBuf>,
    /// Read, execute and change. Each must exist.
    pub write: Vec<PathBuf>,
    /// Taken out of all the lists above.
    pub deny: Vec<PathBuf>,
    /// Whether the usual device files are in reach.
    pub devices: bool,
    /// Whether pseudo-terminals are: only where those of others are out of sight.
    pub terminals: bool,
    /// Which TCP ports.
    pub ports: Ports,
    /// Whether processes outside may be signalled, and abstract unix sockets outside connected to.
    pub others: bool,
}

/// Which TCP ports may be connected to and bound.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub enum Ports {
    /// None.
    #[default]
    Closed,
    /// These to connect to, and all from `low` to `high` to bind and to connect to.
    Only {
        /// Ports of others: the gateway's, the policy's.
        connect: Vec<u16>,
        /// The first of the agent's own.
        low: u16,
        /// The last of the agent's own.
        high: u16,
    },
    /// All; something else is the fence.
    Open,
}

/// Why this wall does not stand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel has none.
    #[error("this kernel has no Landlock, or it is not in the boot parameter `lsm=`")]
    None,
    /// The kernel knows no scopes.
    #[error("Landlock is older than ABI 6, which brought scopes (Linux 6.12)")]
    NoScopes,
    /// A path that the policy grants does not open.
    #[error("{path}: {source}; the policy grants this path, so it has to be there (or take it out of `files`)")]
    Path {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel refused a part of the rules.
    #[error("Landlock: {0}")]
    Rules(#[from] RulesetError),
    /// The kernel enforced less than was asked.
    #[error("Landlock enforces only a part of the rules")]
    Partly,
}

/// Rules whose paths are open.
#[derive(Debug)]
pub struct Opened {
    rules: Vec<(PathFd, BitFlags<AccessFs>)>,
    ports: Ports,
    others: bool,
    abi: ABI,
}

/// Opens every path of `grants`.
///
/// # Errors
/// When the kernel is too old, or a path that must exist does not open.
pub fn open(grants: &Grants) -> Result<Opened, Error> {
    let abi = supported()?;
    let deny: Vec<PathBuf> = grants.deny.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    let deny: Vec<&Path> = deny.iter().map(PathBuf::as_path).collect();
    let mut opened = Opened { rules: vec![], ports: grants.ports.clone(), others: grants.others, abi };
    for path in &grants.read_if_there {
        match path.canonicalize() {
            Ok(path) => opened.grant(&path, reading(), &deny)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Path { path: path.clone(), source }),
        }
    }
    for (paths, access) in [(&grants.read, reading()), (&grants.write, writing(abi))] {
        for path in paths {
            let found = path.canonicalize().map_err(|source| Error::Path { path: path.clone(), source })?;
            opened.grant(&found, access, &deny)?;
        }
    }
    let devices = if grants.devices { DEVICES } else { &[] };
    for path in devices {
        opened.add(Path::new(path), AccessFs::ReadFile | AccessFs::WriteFile)?;
    }
    let terminals = if grants.terminals { TERMINALS } else { &[] };
    for path in terminals.iter().map(Path::new).filter(|path| path.exists()) {
        let access = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::ReadDir | AccessFs::IoctlDev;
        opened.grant(path, access & AccessFs::from_all(abi), &deny)?;
    }
    Ok(opened)
}

/// Keeps signals and abstract sockets inside, and nothing else: the domain of the process that empties the room. Every domain
/// refuses to link and rename across directories if it does not grant it (landlock(7), `LANDLOCK_ACCESS_FS_REFER`), so this
/// one grants it everywhere: the agent's own says where.
///
/// # Errors
/// As for [`Opened::restrict`].
pub fn scope_only() -> Result<(), Error> {
    if has_scopes(supported()?) { apart() } else { Err(Error::NoScopes) }
}

/// A domain that leaves everything open but other processes: nobody in it reads the memory, the environment or the
/// descriptors of a process outside, whatever its uid and capabilities (landlock(7), "Ptrace restrictions"). Where the kernel
/// has scopes, signals and abstract sockets stay inside as well. ABI 1 cannot make it: there a domain always takes renaming
/// across directories, without which no package can be installed; nothing is done.
///
/// # Errors
/// As for [`Opened::restrict`].
pub fn apart() -> Result<(), Error> {
    let abi = supported()?;
    if abi == ABI::V1 {
        return Ok(());
    }
    let root = PathFd::new("/").map_err(|error| Error::Path { path: "/".into(), source: io::Error::other(error) })?;
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::Refer)?;
    if has_scopes(abi) {
        ruleset = ruleset.scope(Scope::Signal | Scope::AbstractUnixSocket)?;
    }
    enforced(ruleset.create()?.add_rule(PathBeneath::new(root, AccessFs::Refer))?.restrict_self()?)
}

impl Opened {
    /// Puts the wall up for this thread and all that it starts. Cannot be undone.
    ///
    /// # Errors
    /// When the kernel enforces less than all of it.
    pub fn restrict(self) -> Result<(), Error> {
        let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(self.abi))?;
        if has_scopes(self.abi) && !self.others {
            ruleset = ruleset.scope(Scope::Signal | Scope::AbstractUnixSocket)?;
        }
        if !matches!(self.ports, Ports::Open) {
            ruleset = ruleset.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?;
        }
        let mut ruleset = ruleset.create()?;
        for (path, access) in self.rules {
            (&mut ruleset).add_rule(PathBeneath::new(path, access))?;
        }
        add_ports(&mut ruleset, &self.ports)?;
        enforced(ruleset.restrict_self()?)
    }

    /// Grants `access` beneath `path`, its denied parts left out: the directories on the way to those are granted entry
    /// by entry, as they are now, since Landlock's rules can only add.
    fn grant<'a>(&mut self, path: &Path, access: BitFlags<AccessFs>, deny: &[&'a Path]) -> Result<(), Error> {
        if deny.iter().any(|denied| path.starts_with(denied)) {
            return Ok(());
        }
        let beneath = |denied: &'a Path| Some((denied.strip_prefix(path).ok()?.iter().next()?, denied));
        let beneath: Vec<(&OsStr, &Path)> = deny.iter().copied().filter_map(beneath).collect();
        if beneath.is_empty() {
            return self.add(path, access);
        }
        let failed = |source| Error::Path { path: path.to_owned(), source };
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // What a link points to is granted, or not, under its own name.
            if !entry.file_type().map_err(failed)?.is_symlink() {
                let name = entry.file_name();
                let within: Vec<&Path> = beneath.iter().filter(|(first, _)| *first == name).map(|(_, denied)| *denied).collect();
                self.grant(&entry.path(), access, &within)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, access: BitFlags<AccessFs>) -> Result<(), Error> {
        let failed = |source: io::Error| Error::Path { path: path.to_owned(), source };
        let fd = PathFd::new(path).map_err(|error| failed(io::Error::other(error)))?;
        let kind = nix::sys::stat::fstat(fd.as_fd()).map_err(|errno| failed(errno.into()))?.st_mode & libc::S_IFMT;
        let fitting = if kind == libc::S_IFDIR { access } else { access & AccessFs::from_file(self.abi) };
        self.rules.push((fd, fitting));
        Ok(())
    }
}

fn add_ports(mut ruleset: &mut RulesetCreated, ports: &Ports) -> Result<(), RulesetError> {
    if let Ports::Only { connect, low, high } = ports {
        for port in connect {
            ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        for port in *low..=*high {
            ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::BindTcp | AccessNet::ConnectTcp))?;
        }
        // Port 0: the kernel chooses, in the range that the broker set on the socket.
        ruleset.add_rule(NetPort::new(0, AccessNet::BindTcp))?;
    }
    Ok(())
}

fn reading() -> BitFlags<AccessFs> {
    AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir
}

/// All that is not a device: those nobody makes or steers.
fn writing(abi: ABI) -> BitFlags<AccessFs> {
    AccessFs::from_all(abi) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev)
}

/// The rules that the kernel knows (landlock(7)). Which of them are enough is decided before, promise by promise.
fn supported() -> Result<ABI, Error> {
    Ok(match crate::sys::landlock::abi() {
        0 => return Err(Error::None),
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        6..=8 => ABI::V6,
        _ => ABI::V9,
    })
}

fn has_scopes(abi: ABI) -> bool {
    abi >= ABI::V6
}

fn enforced(status: RestrictionStatus) -> Result<(), Error> {
    if status.ruleset == RulesetStatus::FullyEnforced { Ok(()) } else { Err(Error::Partly) }
}
