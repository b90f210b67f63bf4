//! Addresses: only [`resolve`] makes an [`Allowed`] one, and only an [`Allowed`] one can be dialled. What is checked is
//! what is dialled, here or by the upstream proxy, which is told the address; a name is asked for once. Where that proxy alone
//! resolves names, there is nothing to check: it is told the name, and the record of the request says so.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::{
    address::{Class, class},
    host::{Host, HostPort},
    upstream::{Passage, Proxy},
};

use super::{denial::Denial, upstream::connected};

/// A name server has so long to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One host that may be dialled.
#[derive(Debug)]
pub(super) struct Allowed<'a> {
    to: &'a HostPort,
    /// All of them may be dialled. None where the proxy alone knows them.
    addresses: Vec<SocketAddr>,
    /// Through whom.
    proxy: Option<&'a Proxy>,
}

impl Allowed<'_> {
    /// Connects to the first address that answers.
    pub(super) async fn dial(self) -> Result<TcpStream, Denial> {
        match self.proxy {
            Some(proxy) if self.addresses.is_empty() => Ok(proxy.by_name(self.to).await?),
            Some(proxy) => Ok(proxy.through(self.to, &self.addresses).await?),
            None => {
                let direct = async {
                    let stream = TcpStream::connect(&self.addresses[..]).await?;
                    stream.set_nodelay(true)?;
                    Ok(stream)
                };
                connected(&self.to.to_string(), direct).await
            }
        }
    }
}

/// Finds the addresses of `to`, and whether it is reached through `proxy`. Hosts among `private` may have private ones.
pub(super) async fn resolve<'a>(to: &'a HostPort, private: &[Host], proxy: Option<&'a Proxy>) -> Result<Allowed<'a>, Denial> {
    let passage = proxy.and_then(|proxy| proxy.passage(&to.host));
    let proxy = proxy.filter(|_| passage.is_some());
    if passage == Some(Passage::Delegated) {
        return Ok(Allowed { to, addresses: vec![], proxy });
    }
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
    Ok(Allowed { to, addresses, proxy })
}

async fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, Denial> {
    let failed = |why: String| Denial::far_end("network/name", format!("the name {name} cannot be resolved: {why}"));
    match timeout(PATIENCE, lookup_host((name, port))).await {
        Err(_) => Err(failed("no answer within 10 s".to_owned())),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Ok(Ok(found)) => Ok(found.collect()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_bad_address_is_enough() {
        let set = ["8.8.8.8", "10.0.0.1"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(judge_all(set.into_iter(), false), Err((set[1], "private")));
        assert!(judge_all(set.into_iter(), true).is_ok() && judge_all(set[..1].iter().copied(), false).is_ok());
        let to: HostPort = "127.0.0.1:443".parse().unwrap();
        assert_eq!(resolve(&to, &[], None).await.unwrap_err().rule, "network/address");
        assert!(resolve(&to, std::slice::from_ref(&to.host), None).await.is_ok());
        let metadata: HostPort = "169.254.169.254:80".parse().unwrap();
        assert_eq!(resolve(&metadata, std::slice::from_ref(&metadata.host), None).await.unwrap_err().rule, "network/address");
    }
}
