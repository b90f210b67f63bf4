//! The section `[network.upstream]` of a layer.

use toml::Spanned;

use super::{
    super::{Error, Loopback, Policy, Source, file, upstream::Upstream},
    Layer, origin_of,
};
use crate::{
    address::{Class, class},
    host::{Host, HostPort},
    upstream::Exempt,
};

impl Layer<'_> {
    /// The top layer says whether there is a proxy and which; the others take away.
    pub(super) fn upstream(&self, to: &mut Option<Upstream>, section: Spanned<file::Upstream>) -> Result<(), Error> {
        let proxy = section.get_ref().proxy.as_ref().map(|url| self.proxy(url)).transpose()?;
        let mut upstream = match (to.take(), proxy) {
            (Some(above), Some(proxy)) if proxy != above.proxy => {
                return Err(self.widens(&section, "network.upstream.proxy", format!("the layers above say http://{}", above.proxy)));
            }
            (Some(above), _) => above,
            (None, _) if !self.top => {
                return Err(self.widens(&section, "network.upstream", "the layers above name no proxy".to_owned()));
            }
            (None, Some(proxy)) => Upstream { proxy, credential: None, no_proxy: vec![], resolves: false },
            (None, None) => {
                return Err(self.value(&section, "network.upstream.proxy", "is missing: say http://host:port of the organisation's proxy"));
            }
        };
        let file = section.into_inner();
        if let Some(name) = file.credential {
            let sound = |text: &str| {
                let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                plain && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
            };
            if !sound(name.get_ref()) {
                return Err(self.value(&name, "network.upstream.credential", "is not the name of a variable, which holds user:password"));
            }
            if !self.top && upstream.credential.as_ref() != Some(name.get_ref()) {
                return Err(self.widens(&name, "network.upstream.credential", "the layers above decide this".to_owned()));
            }
            upstream.credential = Some(name.into_inner());
        }
        if let Some(hosts) = file.no_proxy {
            upstream.no_proxy = self.subset(&upstream.no_proxy, hosts, "network.upstream.no_proxy", |text| text.parse::<Exempt>())?;
        }
        if let Some(resolves) = file.resolves {
            if !self.top && *resolves.get_ref() && !upstream.resolves {
                return Err(self.widens(&resolves, "network.upstream.resolves", "the layers above say false".to_owned()));
            }
            upstream.resolves = *resolves.get_ref();
        }
        *to = Some(upstream);
        Ok(())
    }

    fn proxy(&self, url: &Spanned<String>) -> Result<HostPort, Error> {
        let refused = |reason: &str| Err(self.value(url, "network.upstream.proxy", reason));
        let rest = match url.get_ref() {
            text if text.starts_with("https://") => {
                return refused("is spoken to with TLS, which is not supported; name its plain port, http://host:port");
            }
            text if text.contains('@') => {
                return refused("holds a credential: keep it in a variable and name that in `credential`");
            }
            text => text.strip_prefix("http://").map(|rest| rest.strip_suffix('/').unwrap_or(rest)),
        };
        let Some(Ok(proxy)) = rest.map(str::parse::<HostPort>) else { return refused("must be http://host:port, without a path") };
        match &proxy.host {
            Host::Address(address) => match class(*address) {
                Class::Never(why) => refused(&format!("is {why}; such addresses are not reached")),
                Class::Public | Class::Private(_) => Ok(proxy),
            },
            Host::Name(_) => Ok(proxy),
        }
    }
}

/// The agent reaches the proxy through the gateway alone, and its credential is none of the agent's variables.
pub(super) fn apart(policy: &Policy, sources: &[Source]) -> Result<(), Error> {
    let Some(upstream) = &policy.network.upstream else { return Ok(()) };
    let (network, proxy) = (&policy.network, &upstream.proxy);
    let refused =
        |key: &str, reason: &str| Err(Error::Value { origin: origin_of(sources, key), key: key.to_owned(), reason: reason.to_owned() });
    let itself = "leads to the upstream proxy itself, by which the agent would go round the gateway; take that out";
    let here = proxy.host.is_loopback();
    if network.services.contains(proxy) {
        refused("network.services", itself)
    } else if network.lists(proxy) {
        refused("network.tunnels", itself)
    } else if here && network.ports.contains(&proxy.port) {
        refused("network.ports", itself)
    } else if here && network.loopback == Loopback::Any {
        refused("network.loopback", itself)
    } else if upstream.credential.as_ref().is_some_and(|name| policy.process.env.contains(name)) {
        refused("process.env", "names the variable with the proxy's credential (network.upstream.credential), which the agent never gets")
    } else {
        Ok(())
    }
}
