//! The only way out of the agent: a process of its own on loopback that forwards what the policy allows.
//!
//! Most clients come through the proxy's door; those that know of none, and the job's services, have doors of their own
//! (`door`, `transparent`). At the proxy's each request's head is read and held to one meaning (`head`),
//! the ticket is checked (`ticket`), then it is a tunnel (`tunnel`), a route (`route`) or a plain request to a listed host
//! (`proxy`); everything else is refused with a reason. One record leaves for each decision (`records`).

mod address;
mod advice;
mod assumed;
mod bill;
mod budget;
mod connection;
mod denial;
mod door;
mod far;
mod gitlab;
mod google;
mod head;
mod hello;
mod keys;
mod lease;
mod metered;
mod proxy;
mod pump;
mod records;
mod registry;
mod route;
mod single;
mod ticket;
mod transparent;
mod tunnel;
mod upstream;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _, Write},
    net::{SocketAddr, TcpListener},
    os::fd::OwnedFd,
    sync::Arc,
    thread,
};

pub use advice::WAY as ADVICE;
pub use door::Door;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinSet,
};

use crate::{
    gitlab::reads::Access,
    host::HostPort,
    http,
    journal::Event,
    policy::{self, Policy},
    provider::Credential,
    secret::Secret,
    upstream::{Passage, Proxy},
};

/// Descriptors that a connection may hold: its two ends.
const FILES_EACH: u64 = 2;

/// Descriptors besides: listeners, records, connections to far ends that are kept.
const FILES_BESIDES: u64 = 256;

/// What the gateway is told by the supervisor, as JSON over a private descriptor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The layers of the policy.
    pub policy: Vec<policy::Source>,
    /// What stands for the agent.
    pub ticket: Secret,
    /// One for each route of the policy.
    pub credentials: BTreeMap<policy::Provider, Credential>,
    /// For the policy's GitLab.
    pub gitlab: Option<Access>,
    /// The policy's registries, with their addresses in the place of variables.
    pub registries: Vec<policy::Registry>,
    /// What becomes of hosts that the policy does not list.
    pub unlisted: Unlisted,
    /// The policy's upstream proxy, with its credential.
    pub proxy: Option<Proxy>,
}

/// What becomes of a host that the policy does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlisted {
    /// It is refused.
    Refused,
    /// An observed run's: it goes through and its record says so. Addresses are held to the same rules.
    Noted,
}

/// Why the gateway does not serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy is not valid.
    #[error("gateway: {0}")]
    Policy(#[from] policy::Error),
    /// The ticket is empty or short, so that it could be guessed.
    #[error("gateway: the ticket has {0} characters; it needs at least 32")]
    Ticket(usize),
    /// A credential that no header can carry.
    #[error("gateway: the credential for {0} has characters that an HTTP header cannot carry, such as a line end; set it again")]
    Credential(String),
    /// A route's base URL.
    #[error("gateway: route: {0}")]
    Endpoint(#[from] http::NotAnEndpoint),
    /// A route's certificate authorities.
    #[error("gateway: route to {url}: {source}")]
    Tls {
        /// The base URL.
        url: String,
        /// What is wrong.
        source: http::TlsError,
    },
    /// Without the policy's proxy nothing goes out, and with one that it does not name neither.
    #[error("gateway: the policy's upstream proxy (network.upstream) was not handed over, or one that it does not name")]
    Proxy,
    /// The listener cannot be used.
    #[error("gateway: {call}: {source}")]
    System {
        /// The call.
        call: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// Nobody takes the records any more; without them nothing goes on.
    #[error("gateway: records cannot be written: {0}")]
    Records(io::Error),
}

impl Shared {
    fn listing(&self) -> tunnel::Listing<'_> {
        tunnel::Listing { network: &self.network, unlisted: self.unlisted }
    }

    /// The addresses of `to`, if they may be reached; the record says where the proxy alone can tell.
    async fn resolve<'a>(&'a self, to: &'a HostPort, entry: &mut records::Entry) -> Result<address::Allowed<'a>, denial::Denial> {
        let passage = self.proxy.as_ref().and_then(|proxy| proxy.passage(&to.host));
        // What nobody listed is let through for its addresses alone.
        if entry.facts.unlisted && passage == Some(Passage::Delegated) {
            let why = "the upstream proxy alone can tell its address (network.upstream.resolves), so that only listed hosts are reached";
            return Err(denial::Denial::forbidden("network/address", format!("{to}: {why}")));
        }
        let allowed = address::resolve(to, &self.network.private, self.proxy.as_deref()).await?;
        entry.facts.upstream = passage;
        Ok(allowed)
    }

    /// Whether `to` goes through although the policy does not list it.
    fn is_unlisted(&self, to: &HostPort) -> bool {
        self.unlisted == Unlisted::Noted && !self.network.lists(to)
    }
}

/// A gateway that has all it needs: nothing of it can fail any more for what it was told.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    /// At once; more of them wait in the listeners' queues.
    connections: u32,
}

/// What every connection looks at.
#[derive(Debug)]
struct Shared {
    unlisted: Unlisted,
    network: policy::Network,
    proxy: Option<Arc<Proxy>>,
    ticket: Secret,
    routes: Vec<route::Route>,
    gitlab: Option<gitlab::GitLab>,
    registries: Vec<Arc<registry::Registry>>,
    pages: Semaphore,
    questions: Arc<advice::Questions>,
    budget: Arc<budget::Budget>,
    buffers: pump::Buffers,
    bodies: Semaphore,
    shown: Semaphore,
    held: Semaphore,
}

impl Gateway {
    /// Checks `spec` and reads the files that it names.
    ///
    /// # Errors
    /// Whatever is wrong with it.
    pub fn prepare(spec: Spec) -> Result<Self, Error> {
        let length = spec.ticket.reveal().len();
        if length < 32 {
            return Err(Error::Ticket(length));
        }
        let policy = Policy::compose(spec.policy)?;
        if policy.network.upstream.is_some() != spec.proxy.is_some() {
            return Err(Error::Proxy);
        }
        let proxy = spec.proxy.map(Arc::new);
        // A route without a credential does not exist: requests to it are refused when they come.
        let given = policy.network.routes.iter().filter_map(|route| Some((route, spec.credentials.get(&route.provider)?)));
        let routes =
            given.map(|(route, credential)| route::Route::prepare(route, &policy, credential, &proxy)).collect::<Result<_, _>>()?;
        let of_gitlab = policy.network.gitlab.as_ref().zip(spec.gitlab.as_ref());
        let gitlab = of_gitlab.map(|(policy, access)| gitlab::GitLab::prepare(policy, access, &proxy)).transpose()?;
        let registries = spec.registries.into_iter().map(|registry| registry::Registry::prepare(registry, &proxy).map(Arc::new));
        let registries = registries.collect::<Result<_, _>>()?;
        let shared = Shared {
            unlisted: spec.unlisted,
            gitlab,
            network: policy.network,
            proxy,
            ticket: spec.ticket,
            routes,
            registries,
            pages: Semaphore::new(registry::PAGES),
            questions: Arc::default(),
            budget: Arc::new(budget::Budget::new(&policy.limits)),
            buffers: pump::Buffers::default(),
            bodies: Semaphore::new(route::BODIES),
            shown: Semaphore::new(gitlab::SHOWN),
            held: Semaphore::new(route::HELD),
        };
        Ok(Self { shared: Arc::new(shared), connections: policy.limits.connections })
    }

    /// Takes the supervisor's answers to the agent's questions for the gate from `answers`, a JSON line each. Without them there
    /// is none to be asked.
    ///
    /// # Errors
    /// When nobody can be set to read them.
    pub fn hear(&self, answers: OwnedFd) -> Result<(), Error> {
        self.shared.questions.listen(answers).map_err(|source| Error::System { call: "thread", source })
    }

    /// Descriptors that it needs for all the connections that the policy lets it have.
    pub fn files(&self) -> u64 {
        FILES_BESIDES + FILES_EACH * u64::from(self.connections)
    }

    /// Has no more connections at once than `files` descriptors suffice for, and says so where that is less than the policy
    /// lets it have.
    pub fn fit(&mut self, files: u64) -> Option<Event> {
        let fit = u32::try_from(files.saturating_sub(FILES_BESIDES) / FILES_EACH).unwrap_or(u32::MAX).max(1);
        if fit >= self.connections {
            return None;
        }
        let (wanted, needed) = (self.connections, self.files());
        self.connections = fit;
        let outcome = format!(
            "{fit} connections at once instead of the {wanted} of limits.connections: this host lets a process open {files} files \
             (ulimit -Hn), and {needed} are needed"
        );
        Some(Event::Step { step: "gateway".to_owned(), outcome })
    }

    /// Serves behind `doors` until `lifeline` reads its end or `records` cannot be written. A record of
    /// [`crate::journal::Event::Gateway`] goes to `records` for each decision, a JSON line each; while nobody reads
    /// them, requests wait.
    ///
    /// # Errors
    /// When the listener fails or the records have no reader.
    pub fn serve(
        self,
        doors: Vec<(TcpListener, Door)>,
        records: impl Write + Send + 'static,
        lifeline: Option<OwnedFd>,
    ) -> Result<(), Error> {
        let failed = |call| move |source| Error::System { call, source };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build().map_err(failed("event loop"))?;
        let places = usize::try_from(self.connections).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        let (desk, broken, writer) = records::open(records, places).map_err(failed("thread"))?;
        let ended = lifeline.map(watch).transpose().map_err(failed("thread"))?;
        let shared = self.shared;
        let outcome = runtime.block_on(async move {
            let places = Arc::new(Semaphore::new(places));
            let mut open = JoinSet::new();
            for (listener, door) in doors {
                listener.set_nonblocking(true).map_err(failed("set_nonblocking"))?;
                let listener = tokio::net::TcpListener::from_std(listener).map_err(failed("listen"))?;
                open.spawn(accept(listener, door, shared.clone(), desk.clone(), places.clone()));
            }
            tokio::select! {
                error = closed(&mut open) => Err(failed("accept")(error)),
                reason = broken => Err(Error::Records(reason.unwrap_or_else(|_| io::ErrorKind::BrokenPipe.into()))),
                () = end(ended) => Ok(()),
            }
        });
        // A name lookup that still runs must not hold the process.
        runtime.shutdown_background();
        // Nobody makes records any more. One that panicked has nothing to write either.
        let _ = writer.join();
        outcome
    }
}

/// Prepares the gateway and serves the proxy's door alone: see [`Gateway::prepare`] and [`Gateway::serve`].
///
/// # Errors
/// As those two.
pub fn serve(spec: Spec, listener: TcpListener, records: impl Write + Send + 'static, lifeline: Option<OwnedFd>) -> Result<(), Error> {
    Gateway::prepare(spec)?.serve(vec![(listener, Door::Proxy)], records, lifeline)
}

/// Why the first of the doors closed.
async fn closed(open: &mut JoinSet<io::Error>) -> io::Error {
    match open.join_next().await {
        Some(Ok(error)) => error,
        _ => io::ErrorKind::Other.into(),
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    door: Door,
    shared: Arc<Shared>,
    desk: records::Desk,
    places: Arc<Semaphore>,
) -> io::Error {
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return io::ErrorKind::Other.into() };
        let (stream, from): (_, SocketAddr) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The client is gone already, or descriptors are short for a moment: neither ends the gateway.
            Err(error) if passes(&error) => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                continue;
            }
            Err(error) => return error,
        };
        // Whoever comes from elsewhere than loopback is not the agent, whatever the listener was bound to.
        if !from.ip().to_canonical().is_loopback() {
            continue;
        }
        let (door, shared, desk) = (door.clone(), shared.clone(), desk.clone());
        tokio::spawn(async move {
            door::enter(door, stream, shared, desk).await;
            drop(place);
        });
    }
}

/// Errors of accept(2) that concern one connection, or a shortage.
fn passes(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let known = [Errno::ECONNABORTED, Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM, Errno::EPROTO, Errno::EINTR];
    error.raw_os_error().is_some_and(|code| known.contains(&Errno::from_raw(code)))
}

/// Tells when the other end of `lifeline` is gone.
fn watch(lifeline: OwnedFd) -> io::Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    let mut pipe = File::from(lifeline);
    thread::Builder::new().name("lifeline".to_owned()).spawn(move || {
        let mut buffer = [0; 64];
        while matches!(pipe.read(&mut buffer), Ok(1..)) {}
        drop(tell);
    })?;
    Ok(told)
}

async fn end(lifeline: Option<oneshot::Receiver<()>>) {
    match lifeline {
        Some(ended) => drop(ended.await),
        None => std::future::pending().await,
    }
}

/// Doors to what reads the agent's bytes here, for the fuzz targets alone.
#[doc(hidden)]
pub mod fuzz {
    use super::{head, hello};

    /// Method, target, and the lengths that are announced.
    pub fn head(bytes: &[u8]) -> Option<(String, String, Vec<String>)> {
        let head = head::parse(bytes).ok()?;
        let lengths = ["content-length", "transfer-encoding"].iter().flat_map(|name| head.values(name)).map(str::to_owned).collect();
        Some((head.method, head.target, lengths))
    }

    /// The host that is named, where exactly one is.
    pub fn hello(bytes: &[u8]) -> Option<String> {
        match hello::parse(bytes.to_vec()).ok()?.name {
            hello::Name::One(name) => Some(name),
            hello::Name::Absent | hello::Name::Odd => None,
        }
    }
}
