//! What this kernel, and whatever filter a container's engine has put around us, really lets us do. Version numbers promise;
//! so each thing that every start needs is tried once, in a thread of its own: walls go up around that thread only, and end
//! with it.

use std::{
    fs,
    io::{self, Error},
    net::TcpListener,
    path::Path,
    sync::mpsc,
    thread,
};

use nix::sys::{
    prctl,
    socket::{AddressFamily, SockFlag, SockType, socket},
};
use serde::Serialize;

use super::wall::Lack;
use crate::{
    cgroup::{self, Bounds, Cgroup},
    fence::{broker, ports},
    landlock::{self, Grants, Ports},
    seccomp::{self, Sockets},
    sys::{descriptor, notify, socket::set_local_ports},
};

/// What does not work here; none where it does.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Refused {
    /// Something without which no process of ours starts.
    pub start: Option<Lack>,
    /// Putting up a Landlock domain.
    pub landlock: Option<Lack>,
    /// A seccomp filter with a listener.
    pub listener: Option<Lack>,
    /// A socket that one process makes for another.
    pub broker: Option<Lack>,
    /// A range of ports of the agent's own on the loopback that is shared.
    pub ports: Option<Lack>,
}

/// Makes a cgroup with these bounds, and removes it.
pub(super) fn cgroup(bounds: &Bounds) -> Result<String, Lack> {
    let lack = |error: cgroup::Error| Lack { missing: error.to_string(), remedy: error.remedy().to_owned() };
    let made = Cgroup::make(bounds).map_err(lack)?;
    let told = made.told().to_owned();
    made.remove().map(|()| told).map_err(|error| Lack {
        missing: format!("a cgroup that was made cannot be removed: {error}"),
        remedy: "Remove the empty directories `tidewaiter-…` below /sys/fs/cgroup, and report this".to_owned(),
    })
}

/// Tries everything.
pub(super) fn all() -> Refused {
    let start = start();
    // Without /proc the rest would be told of for the wrong reason.
    if start.is_some() {
        return Refused { start, ..Refused::default() };
    }
    // Mostly everything works; only where something does not, each is tried by itself to tell which.
    if makes_a_socket(restricts).and_then(|()| own_ports()).is_ok() {
        return Refused::default();
    }
    let start = lack("no_new_privs", apart(|| Ok(prctl::set_no_new_privs()?)), &call("prctl(2)"));
    if start.is_some() {
        return Refused { start, ..Refused::default() };
    }
    let listener = lack("a seccomp filter with a listener", apart(listens), &call("seccomp(2), `user_notif` included"));
    Refused {
        start,
        landlock: lack("putting up a Landlock domain", apart(restricts), &call("landlock_restrict_self(2)")),
        broker: lack(
            "making a socket on `lo` for another process",
            makes_a_socket(|| Ok(())),
            &call("the listener's ioctl(2) and SO_BINDTODEVICE"),
        )
        .filter(|_| listener.is_none()),
        listener,
        ports: lack(
            "finding ports on loopback",
            own_ports(),
            "Run it on Linux 6.3 or newer, let the container see all of /proc, and end what holds its ports",
        ),
    }
}

fn call(name: &str) -> String {
    format!("Run it on Linux 5.14 or newer, and let the container's seccomp profile allow {name}")
}

fn start() -> Option<Lack> {
    lack("finding our own program by /proc/self/exe", fs::metadata("/proc/self/exe"), "Mount proc on /proc")
        .or_else(|| lack("memory to hand things over in", descriptor::memory(b""), &call("memfd_create(2)")))
        // There is none to be closed from this number on.
        .or_else(|| lack("closing descriptors", descriptor::close_on_exec_from(u32::MAX), &call("close_range(2)")))
}

fn lack<T>(what: &str, tried: io::Result<T>, remedy: &str) -> Option<Lack> {
    tried.err().map(|error| Lack { missing: format!("{what} does not work: {error}"), remedy: remedy.to_owned() })
}

fn apart(attempt: impl FnOnce() -> io::Result<()> + Send) -> io::Result<()> {
    thread::scope(|scope| joined(scope.spawn(attempt)))
}

fn joined(thread: thread::ScopedJoinHandle<'_, io::Result<()>>) -> io::Result<()> {
    thread.join().unwrap_or_else(|_| Err(Error::other("it broke off")))
}

fn restricts() -> io::Result<()> {
    prctl::set_no_new_privs()?;
    // A kernel without it is told of by its ABI.
    if crate::sys::landlock::abi() == 0 {
        return Ok(());
    }
    let grants = Grants { ports: Ports::Open, read: vec![Path::new("/").to_owned()], ..Grants::default() };
    landlock::open(&grants).and_then(landlock::Opened::restrict).map_err(Error::other)
}

/// The gateway's port, and a range for the agent.
fn own_ports() -> io::Result<()> {
    let tried = TcpListener::bind(("127.0.0.1", 0))?;
    let (low, high) = ports::free_range().map_err(Error::other)?;
    set_local_ports(&tried, low, high)
}

fn listens() -> io::Result<()> {
    filter().map(drop)
}

fn filter() -> io::Result<std::os::fd::OwnedFd> {
    prctl::set_no_new_privs()?;
    notify::install_with_listener(&seccomp::sockets(Sockets { unix: false, own_network: false }))
}

/// One thread asks for a socket, after `first`, and this one answers as the broker does.
fn makes_a_socket(first: fn() -> io::Result<()>) -> io::Result<()> {
    let (give, take) = mpsc::channel();
    thread::scope(|scope| {
        let asks = scope.spawn(move || {
            first()?;
            let listener = filter()?;
            give.send(listener).map_err(Error::other)?;
            socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
            Ok(())
        });
        // The listener is closed at once after that, so that nobody waits for ever.
        let answered = take.recv().map_or(Ok(()), |listener| broker::answer_one(&listener));
        joined(asks).and(answered)
    })
}
