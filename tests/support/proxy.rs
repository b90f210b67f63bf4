//! A stand-in for an organisation's proxy, in a network of the test's own in which far ends have addresses that are not loopback.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

/// Where the proxy stands; a private address, as such proxies have.
pub const PROXY: &str = "10.0.0.8";

/// Who may use it.
pub const LOGIN: &str = "made-up-user:made-up-pass:word";

/// Runs `body` on a thread of its own, in a network with the addresses of `hosts` and no other, under these names. Where that cannot
/// be made, says so and does nothing.
pub fn in_a_network(hosts: &[(&str, &str)], body: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let run = scope.spawn(|| match enter(hosts) {
            Ok(()) => body(),
            Err(error) => println!("NOT RUN: a network of the test's own cannot be made here: {error}"),
        });
        if let Err(panic) = run.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn enter(hosts: &[(&str, &str)]) -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let ip = |arguments: &[&str]| Command::new("ip").args(arguments).status();
    ip(&["link", "set", "lo", "up"])?;
    for address in hosts.iter().map(|(_, address)| *address).chain([PROXY]).filter(|address| !address.starts_with("127.")) {
        // One that is there already, or has two names.
        ip(&["addr", "replace", &format!("{address}/32"), "dev", "lo"])?;
    }
    let names: String = hosts.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
    let folder = tempfile::tempdir()?;
    for (name, text) in [
        ("hosts", format!("127.0.0.1 localhost\n{names}")),
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n".to_owned()),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, text)?;
        mount(Some(&path), format!("/etc/{name}").as_str(), none, MsFlags::MS_BIND, none)?;
    }
    // The files stay where they are mounted.
    Ok(())
}

/// A listener at an address that is not loopback, which leads to a port of loopback.
pub struct Stands {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
}

impl Stands {
    /// At `address`, on the same port as the far end there.
    pub fn at(address: &str, port: u16) -> Self {
        let listener = TcpListener::bind((address, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, SeqCst);
                thread::spawn(move || join(stream, TcpStream::connect(("127.0.0.1", port))?));
            }
        });
        Self { address, connections }
    }

    pub fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }
}

fn join(near: TcpStream, far: TcpStream) -> io::Result<()> {
    let (mut near_out, mut far_out) = (near.try_clone()?, far.try_clone()?);
    let (mut near, mut far) = (near, far);
    let back = thread::spawn(move || {
        let _ = io::copy(&mut far, &mut near_out);
        let _ = near_out.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut near, &mut far_out);
    let _ = far_out.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}

/// What the proxy does.
#[derive(Clone)]
pub enum Mood {
    /// Connects whom [`LOGIN`] stands for.
    Works,
    /// Says this, whatever comes.
    Says(String),
    /// Says nothing.
    Hangs,
    /// Never ends its head.
    Endless,
}

/// One request of CONNECT as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub target: String,
    /// Its whole head.
    pub head: String,
}

/// The proxy.
pub struct Corporate {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Corporate {
    /// Knows the addresses of `names`, which nobody else may know.
    pub fn start(mood: Mood, names: &[(&str, SocketAddr)]) -> Self {
        let listener = TcpListener::bind((PROXY, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let names: BTreeMap<String, SocketAddr> = names.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let notes = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (mood, names, notes) = (mood.clone(), names.clone(), notes.clone());
                thread::spawn(move || serve(stream, &mood, &names, &notes));
            }
        });
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }
}

fn serve(mut stream: TcpStream, mood: &Mood, names: &BTreeMap<String, SocketAddr>, notes: &Mutex<Vec<Asked>>) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(());
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    notes.lock().unwrap().push(Asked { target: target.clone(), head: head.clone() });
    match mood {
        Mood::Says(text) => return stream.write_all(text.as_bytes()),
        Mood::Hangs => {
            thread::sleep(Duration::from_secs(30));
            return Ok(());
        }
        Mood::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            while stream.write_all(b"X-Header: made-up\r\n").is_ok() {}
            return Ok(());
        }
        Mood::Works => {}
    }
    let login = format!("proxy-authorization: basic {}\r\n", STANDARD.encode(LOGIN).to_ascii_lowercase());
    if !head.to_ascii_lowercase().contains(&login) {
        let body = "the made-up words of a proxy";
        let challenge = "Proxy-Authenticate: Basic realm=\"made-up\"";
        return write!(stream, "HTTP/1.1 407 Proxy Authentication Required\r\n{challenge}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    }
    let to = names.get(&target).copied().or_else(|| target.parse().ok());
    let far = to.filter(|_| method == "CONNECT").and_then(|to| TcpStream::connect(to).ok());
    match far {
        None => stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"),
        Some(far) => {
            stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 made-up\r\n\r\n")?;
            join(stream, far)
        }
    }
}

/// A real proxy that wants [`PEERS_LOGIN`]. It ends when it is dropped.
pub struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Who may use it: without a colon in the password, which the program that squid asks would have to take apart.
pub const PEERS_LOGIN: &str = "made-up-user:made-up-password";

impl Peer {
    /// Starts `program` at [`PROXY`], if it is installed; tinyproxy lets CONNECT through to the port `far` alone.
    pub fn start(program: &str, port: u16, far: u16, folder: &Path) -> Option<Self> {
        let (file, path) = (folder.join(program), |name: &str| folder.join(name).display().to_string());
        let (user, password) = PEERS_LOGIN.split_once(':').unwrap();
        let arguments: Vec<String> = match program {
            "tinyproxy" => {
                let lines = format!(
                    "Port {port}\nListen {PROXY}\nTimeout 60\nLogLevel Error\nLogFile \"{}\"\nConnectPort {far}\nBasicAuth {user} {password}\n",
                    path("log")
                );
                fs::write(&file, lines).unwrap();
                vec!["-d".to_owned(), "-c".to_owned(), file.display().to_string()]
            }
            _ => {
                // Squid asks a program; this one knows one user.
                let helper = format!(
                    "#!/bin/sh\nwhile read -r user word; do if [ \"$user $word\" = \"{user} {password}\" ]; then echo OK; else echo ERR; fi; done\n"
                );
                fs::write(folder.join("helper"), helper).unwrap();
                let lines = format!(
                    "http_port {PROXY}:{port}\nauth_param basic program /bin/sh {}\nauth_param basic children 1\nacl known proxy_auth REQUIRED\n\
                 http_access allow known\nhttp_access deny all\naccess_log none\ncache deny all\ncache_log {}\npid_filename {}\n\
                 shutdown_lifetime 0 seconds\npinger_enable off\ncoredump_dir {}\n{}",
                    path("helper"),
                    path("log"),
                    path("pid"),
                    folder.display(),
                    if nix::unistd::geteuid().is_root() { "cache_effective_user proxy\n" } else { "" }
                );
                fs::write(&file, lines).unwrap();
                vec!["-N".to_owned(), "-f".to_owned(), file.display().to_string()]
            }
        };
        fs::write(folder.join("log"), "").unwrap();
        for (name, mode) in [("log", 0o666), ("", 0o777)] {
            fs::set_permissions(folder.join(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let peer = Peer(child);
        let start = Instant::now();
        while TcpStream::connect((PROXY, port)).is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{program} does not listen: {}",
                fs::read_to_string(folder.join("log")).unwrap()
            );
            thread::sleep(Duration::from_millis(50));
        }
        Some(peer)
    }
}
