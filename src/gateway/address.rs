//! Addresses: only [`resolve`] makes an [`Allowed`] one, and only an [`Allowed`] one can be dialled. What is checked is
//! what is dialled; a name is asked for once.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::host::{Host, HostPort};

use super::{denial::Denial, upstream::connected};

/// A name server has so long to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Addresses of one host, all of which may be dialled.
#[derive(Debug)]
pub(super) struct Allowed {
    to: String,
    addresses: Vec<SocketAddr>,
}

impl Allowed {
    /// Connects to the first one that answers.
    pub(super) async fn dial(self) -> Result<TcpStream, Denial> {
        connected(&self.to, async {
            let stream = TcpStream::connect(&self.addresses[..]).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
        .await
    }
}

/// Finds the addresses of `to`. Hosts among `private` may have private ones.
pub(super) async fn resolve(to: &HostPort, private: &[Host]) -> Result<Allowed, Denial> {
    let addresses = match &to.host {
        Host::Address(address) => vec![SocketAddr::new(*address, to.port)],
        Host::Name(name) => look_up(name, to.port).await?,
    };
    judge_all(addresses.iter().map(SocketAddr::ip), private.contains(&to.host)).map_err(|(address, why)| {
        Denial::forbidden("network/address", format!("{to} has the address {address}, which is {why}; such addresses are not reached"))
    })?;
    if addresses.is_empty() {
        return Err(Denial::far_end("network/name", format!("{to} has no address")));
    }
    // The canonical form is what was judged.
    let addresses = addresses.into_iter().map(|address| SocketAddr::new(address.ip().to_canonical(), address.port())).collect();
    Ok(Allowed { to: to.to_string(), addresses })
}

async fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, Denial> {
    let failed = |why: String| Denial::far_end("network/name", format!("the name {name} cannot be resolved: {why}"));
    match timeout(PATIENCE, lookup_host((name, port))).await {
        Err(_) => Err(failed("no answer within 10 s".to_owned())),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Ok(Ok(found)) => Ok(found.collect()),
    }
}

/// How far an address may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// By every listed host.
    Public,
    /// By hosts that the policy names as private.
    Private(&'static str),
    /// By none, whatever the policy says.
    Never(&'static str),
}

/// One address that may not be reached is enough: a name that has some of each is being used to get inside.
fn judge_all(mut addresses: impl Iterator<Item = IpAddr>, private: bool) -> Result<(), (IpAddr, &'static str)> {
    addresses.try_for_each(|address| judge(address, private).map_err(|why| (address, why)))
}

fn judge(address: IpAddr, private: bool) -> Result<(), &'static str> {
    match class(address) {
        Class::Public => Ok(()),
        Class::Private(_) if private => Ok(()),
        Class::Private(why) | Class::Never(why) => Err(why),
    }
}

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

/// By the IANA IPv4 Special-Purpose Address Registry (RFC 6890), and the metadata services of cloud providers.
fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        // AWS, Google, Azure, Oracle and others; 169.254.170.2 and .23 hand out credentials of AWS containers.
        [169, 254, 169 | 170, _] | [192, 0, 0, 192] => Class::Never("a cloud metadata service"),
        // Azure's platform address (learn.microsoft.com, "What is IP address 168.63.129.16?").
        [168, 63, 129, 16] => Class::Never("a cloud platform's own service"),
        // Alibaba Cloud.
        [100, 100, 100, 200] => Class::Never("a cloud metadata service"),
        [0, ..] => Class::Never("unspecified"),
        [224..=239, ..] => Class::Never("multicast"),
        [240..=255, ..] => Class::Never("reserved or broadcast"),
        [127, ..] => Class::Private("loopback"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private("private"),
        [169, 254, ..] => Class::Private("link-local"),
        [100, 64..=127, ..] => Class::Private("shared by carriers (100.64.0.0/10)"),
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => Class::Private("of a special purpose"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Private("for documentation"),
        _ => Class::Public,
    }
}

/// By the IANA IPv6 Special-Purpose Address Registry. Forms that carry an IPv4 address are as that one is.
fn class_v6(address: Ipv6Addr) -> Class {
    let words = address.segments();
    let v4 = |high: u16, low: u16| class_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match words {
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Never("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Private("loopback"),
        // Mapped (RFC 4291 section 2.5.5.2), and NAT64's well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // Compatible (deprecated), translated, and local-use NAT64 (RFC 8215): the last may put the IPv4 part elsewhere.
        [0, 0, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] | [0x64, 0xff9b, 1, .., high, low] => {
            at_best_private(v4(high, low))
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => at_best_private(v4(high, low)),
        // AWS (instance metadata, DNS, time, pod credentials) and Google.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..] => Class::Never("a cloud metadata service"),
        [0xff00..=0xffff, ..] => Class::Never("multicast"),
        [0xfc00..=0xfdff, ..] => Class::Private("private"),
        [0xfe80..=0xfebf, ..] => Class::Private("link-local"),
        // Teredo, benchmarking, ORCHID: 2001::/23 is for protocols.
        [0x2001, 0..=0x1ff, ..] => Class::Private("of a special purpose"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Class::Private("for documentation"),
        // Global unicast (RFC 4291 section 2.4) as far as IANA has given it out; all else is not known to be public.
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Private("not public"),
    }
}

fn at_best_private(class: Class) -> Class {
    match class {
        Class::Public => Class::Private("a translated address"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Class {
        class(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reached() {
        for text in ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::8.8.8.8"] {
            assert_eq!(of(text), Class::Public, "{text}");
        }
    }

    #[test]
    fn inner_addresses_need_the_policys_word() {
        for text in [
            "127.0.0.1",
            "127.0.0.11",
            "10.1.2.3",
            "172.17.0.1",
            "192.168.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "198.51.100.1",
            "192.0.2.1",
            "::1",
            "fe80::1",
            "fd12::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2002:808:808::",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
            "100::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(matches!(of(text), Class::Private(_)), "{text}: {:?}", of(text));
            assert!(judge(text.parse().unwrap(), false).is_err() && judge(text.parse().unwrap(), true).is_ok());
        }
    }

    #[test]
    fn metadata_is_never_reached() {
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "0.0.0.0",
            "::",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "64:ff9b:1::a9fe:a9fe",
            "::169.254.169.254",
        ] {
            assert!(matches!(of(text), Class::Never(_)), "{text}: {:?}", of(text));
            assert!(judge(text.parse().unwrap(), true).is_err());
        }
    }

    #[tokio::test]
    async fn one_bad_address_is_enough() {
        let set = ["8.8.8.8", "10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(judge_all(set.into_iter(), false), Err((set[1], "private")));
        assert!(judge_all(set.into_iter(), true).is_ok() && judge_all(set[..1].iter().copied(), false).is_ok());
        let to: HostPort = "127.0.0.1:443".parse().unwrap();
        assert_eq!(resolve(&to, &[]).await.unwrap_err().rule, "network/address");
        assert!(resolve(&to, std::slice::from_ref(&to.host)).await.is_ok());
        let metadata: HostPort = "169.254.169.254:80".parse().unwrap();
        assert_eq!(resolve(&metadata, std::slice::from_ref(&metadata.host)).await.unwrap_err().rule, "network/address");
    }
}
