//! Which doors the gateway has, where they lie, and by which names the agent finds them.

use std::{
    collections::BTreeSet,
    io,
    net::{Ipv4Addr, SocketAddrV4, TcpListener},
    os::fd::{AsFd, OwnedFd},
};

use super::{Error, start::step};
use crate::{
    environment::Variables,
    fence::{Fence, ports},
    gateway::Door,
    host::{Host, HostPort},
    policy::{GATEWAY_PORT, Network, Tunnel},
    sys,
};

/// In such a network the job's loopback ports and the gateway lie here,
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// the names of listed hosts lead here,
const HOSTS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// and the services of the job from here on, each at an address of its own so that none takes another's port. The policy holds no
/// more of them than there are addresses, and no port that is the gateway's.
const SERVICES: u8 = 3;

/// Where name servers listen.
const NAMES: u16 = 53;

/// How often a free port is looked for.
const ATTEMPTS: usize = 16;

/// The doors besides the proxy's own.
#[derive(Debug, Default)]
pub(super) struct Doors {
    places: Vec<(SocketAddrV4, Door)>,
    listeners: Vec<TcpListener>,
    names: Vec<(Ipv4Addr, String)>,
    services: Vec<(HostPort, SocketAddrV4)>,
}

impl Doors {
    pub(super) fn plan(network: &Network, fence: Fence) -> Result<Self, Error> {
        if fence.is_own_network() { Ok(Self::inside(network)) } else { Self::beside(network) }
    }

    /// In a network of the agent's own.
    fn inside(network: &Network) -> Self {
        let mut doors = Self::default();
        for port in &network.ports {
            let to = HostPort { host: Host::Address(HERE.into()), port: *port };
            doors.places.push((SocketAddrV4::new(HERE, *port), Door::Forward(to)));
        }
        let ports: BTreeSet<u16> = network.tunnels.iter().map(Tunnel::port).collect();
        doors.places.extend(ports.into_iter().map(|port| (SocketAddrV4::new(HOSTS, port), Door::Hosts(port))));
        let names: BTreeSet<&Host> = network.tunnels.iter().filter_map(Tunnel::host).collect();
        doors.names.extend(names.into_iter().filter_map(|host| Some((HOSTS, name(host)?))));
        for (address, service) in (SERVICES..=u8::MAX).map(|last| Ipv4Addr::new(127, 0, 0, last)).zip(&network.services) {
            let place = SocketAddrV4::new(address, service.port);
            doors.places.push((place, Door::Forward(service.clone())));
            doors.names.extend(name(&service.host).map(|name| (address, name)));
            doors.services.push((service.clone(), place));
        }
        doors
    }

    /// On the loopback that is shared: a service's own port if nobody has it, else any. Landlock knows ports and no addresses,
    /// so a port that somebody has at another address (127.0.0.2, ::1) would lead the agent there as well.
    fn beside(network: &Network) -> Result<Self, Error> {
        let mut doors = Self::default();
        // Container engines answer for this port with another: nobody is seen to listen on it.
        let taken = |used: &BTreeSet<u16>, port| port == NAMES || used.contains(&port);
        for service in &network.services {
            let used = ports::used()?;
            let own = Some(service.port).filter(|port| !taken(&used, *port));
            let own = own.and_then(|port| TcpListener::bind((HERE, port)).ok());
            let any = || (0..ATTEMPTS).map(|_| TcpListener::bind((HERE, 0)));
            let free = |bound: &io::Result<TcpListener>| {
                bound.as_ref().ok().and_then(|bound| bound.local_addr().ok()).is_none_or(|at| !used.contains(&at.port()))
            };
            let bound = own.map(Ok).or_else(|| any().find(free)).unwrap_or_else(|| Err(io::ErrorKind::AddrInUse.into()));
            let listener = step("listen for a service", bound)?;
            let port = step("ask for an address", listener.local_addr())?.port();
            let place = SocketAddrV4::new(HERE, port);
            doors.places.push((place, Door::Forward(service.clone())));
            doors.services.push((service.clone(), place));
            doors.listeners.push(listener);
        }
        Ok(doors)
    }

    /// What each of the gateway's listeners is for, in the order in which they are handed over; the proxy's comes first.
    pub(super) fn meanings(&self) -> Vec<Door> {
        std::iter::once(Door::Proxy).chain(self.places.iter().map(|(_, door)| door.clone())).collect()
    }

    /// Where to listen in a network of the agent's own, in the same order.
    pub(super) fn places(&self) -> Vec<SocketAddrV4> {
        std::iter::once(SocketAddrV4::new(HERE, GATEWAY_PORT)).chain(self.places.iter().map(|(place, _)| *place)).collect()
    }

    /// Hands over what already listens here.
    pub(super) fn hand_over(&self, proxy: impl AsFd, to: &OwnedFd) -> Result<(), Error> {
        let sent = sys::socket::send_descriptor(to, proxy)
            .and_then(|()| self.listeners.iter().try_for_each(|listener| sys::socket::send_descriptor(to, listener)));
        step("hand a listener over", sent)
    }

    /// Ports of the shared loopback that the agent may connect to because of these doors.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> {
        self.services.iter().map(|(_, place)| place.port())
    }

    /// The file of names for the agent (hosts(5)).
    pub(super) fn hosts_file(&self) -> String {
        let lines = self.names.iter().map(|(address, name)| format!("{address} {name}\n"));
        format!("127.0.0.1 localhost\n::1 localhost\n{}", lines.collect::<String>())
    }

    /// Tells where each service is, and that no proxy is to be asked for it.
    pub(super) fn tell(&self, variables: &mut Variables) {
        for (service, place) in &self.services {
            let name: String =
                service.host.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
            variables.insert(format!("TIDEWAITER_SERVICE_{name}_{}", service.port).into(), place.to_string().into());
            for list in ["NO_PROXY", "no_proxy"] {
                let value = variables.entry(list.into()).or_default();
                value.push(format!(",{}", service.host));
            }
        }
    }
}

fn name(host: &Host) -> Option<String> {
    matches!(host, Host::Name(_)).then(|| host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, Source};

    fn network() -> Network {
        let text = "version = 1\n[network]\nports = [6379]\ntunnels = [\"a.example:443\", \"b.example:443\", \"a.example:8443\"]\nservices = [\"postgres:5432\", \"other-db:5432\"]\n";
        Policy::compose(vec![Source { name: "test".to_owned(), text: text.to_owned() }]).unwrap().network
    }

    #[test]
    fn in_a_network_of_its_own_every_name_has_its_place() {
        let doors = Doors::plan(&network(), Fence::Netns).unwrap();
        let places: Vec<String> = doors.places().iter().map(ToString::to_string).collect();
        assert_eq!(places, ["127.0.0.1:3128", "127.0.0.1:6379", "127.0.0.2:443", "127.0.0.2:8443", "127.0.0.3:5432", "127.0.0.4:5432"]);
        assert_eq!(doors.meanings().len(), places.len());
        assert_eq!(
            doors.hosts_file(),
            "127.0.0.1 localhost\n::1 localhost\n127.0.0.2 a.example\n127.0.0.2 b.example\n127.0.0.3 postgres\n127.0.0.4 other-db\n"
        );
        let mut variables = Variables::from([("NO_PROXY".into(), "localhost".into())]);
        doors.tell(&mut variables);
        assert_eq!(variables[std::ffi::OsStr::new("TIDEWAITER_SERVICE_OTHER_DB_5432")], "127.0.0.4:5432");
        assert_eq!(variables[std::ffi::OsStr::new("NO_PROXY")], "localhost,postgres,other-db");
    }

    #[test]
    fn on_a_shared_loopback_each_service_gets_a_port() {
        let doors = Doors::plan(&network(), Fence::Broker).unwrap();
        let ports: BTreeSet<u16> = doors.ports().collect();
        assert_eq!((ports.len(), doors.meanings().len()), (2, 3));
    }

    #[test]
    fn no_service_gets_a_port_that_somebody_has_at_another_address() {
        for address in ["127.0.0.2:0", "[::1]:0"] {
            let Ok(somebody) = TcpListener::bind(address) else {
                println!("NOT RUN: nobody can listen on {address} here");
                continue;
            };
            let port = somebody.local_addr().unwrap().port();
            let services = [port, NAMES].map(|port| format!("db.example:{port}").parse().unwrap()).to_vec();
            let doors = Doors::plan(&Network { services, ..network() }, Fence::Broker).unwrap();
            assert!(doors.ports().all(|own| own != port && own != NAMES), "{address}");
        }
    }
}
