//! The section `[network]` of a layer.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::{
    super::{
        Error, GATEWAY_PORT, MOST_SERVICES, Provider, Source, Tunnel, file,
        network::{Fence, Google, Loopback, Network, REGION, Route, carries_credential, is_aws_region},
    },
    Layer, origin_of,
};
use crate::host::{Host, HostPort};

/// What has no door in a network of the agent's own is refused wherever the policy lets that be the fence: a policy means the
/// same on every host.
pub(super) fn doors(network: &Network, sources: &[Source]) -> Result<(), Error> {
    let refused = |key: &str, reason: String| {
        let way_out = "or say `network.fence = \"broker\"`, where this does not hold";
        Err(Error::Value { origin: origin_of(sources, key), key: key.to_owned(), reason: format!("{reason}, {way_out}") })
    };
    if network.fence == Fence::Broker {
        Ok(())
    } else if network.ports.contains(&GATEWAY_PORT) {
        refused(
            "network.ports",
            format!("names {GATEWAY_PORT}, where the gateway itself listens in a network of the agent's own; use another"),
        )
    } else if network.services.len() > MOST_SERVICES {
        let count = network.services.len();
        refused(
            "network.services",
            format!("has {count} entries, and a network of the agent's own has room for {MOST_SERVICES}; take some out"),
        )
    } else {
        Ok(())
    }
}

impl Layer<'_> {
    fn tunnels(&self, above: &[Tunnel], list: Vec<Spanned<String>>) -> Result<Vec<Tunnel>, Error> {
        let key = "network.tunnels";
        let checked = |text: Spanned<String>| {
            let tunnel: Tunnel = text.get_ref().parse().map_err(|reason: String| self.value(&text, key, &reason))?;
            match self.top || above.iter().any(|granted| tunnel.is_within(granted)) {
                true => Ok(tunnel),
                false => Err(self.widens(&text, key, format!("`{tunnel}` is not granted above"))),
            }
        };
        list.into_iter().map(checked).collect()
    }

    pub(super) fn network(&self, network: &mut Network, file: file::Network) -> Result<(), Error> {
        if let Some(fence) = file.fence {
            let wanted = match fence.get_ref() {
                file::Fence::Auto => network.fence,
                file::Fence::Broker => Fence::Broker,
                file::Fence::Netns => Fence::Netns,
            };
            if !self.top && network.fence != Fence::Auto && wanted != network.fence {
                return Err(self.widens(&fence, "network.fence", "the layers above name the other one".to_owned()));
            }
            network.fence = wanted;
        }
        if let Some(tunnels) = file.tunnels {
            network.tunnels = self.tunnels(&network.tunnels, tunnels)?;
        }
        if let Some(services) = file.services {
            network.services = self.subset(&network.services, services, "network.services", |text| {
                text.parse::<HostPort>().map_err(|error| error.to_string())
            })?;
        }
        if let Some(ports) = file.ports {
            for port in &ports {
                if *port.get_ref() == 0 {
                    return Err(self.value(port, "network.ports", "is no port; ports are 1 to 65535"));
                }
                if !self.top && !network.ports.contains(port.get_ref()) {
                    return Err(self.widens(port, "network.ports", format!("port {} is not granted above", port.get_ref())));
                }
            }
            network.ports = ports.into_iter().map(Spanned::into_inner).collect();
        }
        if let Some(loopback) = file.loopback {
            network.loopback = match loopback.get_ref() {
                file::Loopback::Reserved => Loopback::Reserved,
                file::Loopback::Any if self.top || network.loopback == Loopback::Any => Loopback::Any,
                file::Loopback::Any => {
                    return Err(self.widens(&loopback, "network.loopback", "the layers above say \"reserved\"".to_owned()));
                }
            };
        }
        if let Some(private) = file.private {
            network.private =
                self.subset(&network.private, private, "network.private", |text| text.parse::<Host>().map_err(|error| error.to_string()))?;
        }
        if let Some(list) = file.ca_files {
            let checked = |text: Spanned<String>| {
                let path = self.absolute(&text, "network.ca_files")?;
                match self.top || network.ca_files.contains(&path) {
                    true => Ok(path),
                    false => Err(self.widens(&text, "network.ca_files", format!("`{}` is not granted above", path.display()))),
                }
            };
            network.ca_files = list.into_iter().map(checked).collect::<Result<_, _>>()?;
        }
        if let Some(routes) = file.route {
            let mut checked = Vec::new();
            for route in routes {
                let made = self.route(&route)?;
                if !self.top && !network.routes.iter().any(|above| made.is_within(above)) {
                    return Err(self.widens(&route, "network.route", format!("no layer above has this route to {}", made.base_url)));
                }
                if checked.iter().any(|other: &Route| other.provider == made.provider) {
                    return Err(self.value(&route, "network.route", "is the second route to one provider"));
                }
                checked.push(made);
            }
            network.routes = checked;
        }
        if let Some(gitlab) = file.gitlab {
            self.gitlab(&mut network.gitlab, gitlab)?;
        }
        if let Some(registries) = file.registry {
            network.registries = self.registries(&network.registries, registries)?;
        }
        if let Some(upstream) = file.upstream {
            self.upstream(&mut network.upstream, upstream)?;
        }
        Ok(())
    }

    fn route(&self, route: &Spanned<file::Route>) -> Result<Route, Error> {
        let file = route.get_ref();
        let usual = file.provider.base_url();
        let base_url = file.base_url.as_deref().unwrap_or(usual).trim_end_matches('/').to_owned();
        let sound =
            |region: &&String| !region.is_empty() && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if let Some(odd) = file.regions.iter().find(|region| !sound(region)) {
            return Err(self.value(route, "network.route.regions", &format!("has `{odd}`, which is no region")));
        }
        match (usual.contains(REGION), file.regions.is_empty()) {
            (true, true) => return Err(self.value(route, "network.route.regions", "must name the regions that requests may go to")),
            (false, false) => return Err(self.value(route, "network.route.regions", "means nothing to this provider, which has none")),
            _ => {}
        }
        if file.provider == Provider::Bedrock && !file.regions.first().is_some_and(|region| is_aws_region(region)) {
            let why = "must begin with the region that requests go to; geographies such as `eu`, within which Bedrock may hand them on, come behind it";
            return Err(self.value(route, "network.route.regions", why));
        }
        if !file.grants.is_empty() && file.provider != Provider::Anthropic {
            return Err(self.value(
                route,
                "network.route.grants",
                "means nothing to this provider: only a route to the Claude API has any",
            ));
        }
        let header = self.header(route)?;
        let token_url = self.token_url(route)?;
        let (ca_file, google) = (self.ca_file(route)?, self.google(route)?);
        let made = Route {
            provider: file.provider,
            base_url,
            regions: file.regions.clone(),
            grants: file.grants.clone(),
            header,
            token_url,
            ca_file,
            google,
        };
        let urls = made.urls().into_values().map(|url| ("network.route.base_url", url));
        let tokens = made.token_url().map(|url| ("network.route.token_url", url));
        let iam = made.google.iam_url.clone().map(|url| ("network.route.iam_url", url));
        let oauth = made.google.oauth_url.clone().map(|url| ("network.route.oauth_url", url));
        for (key, url) in urls.chain(tokens).chain(iam).chain(oauth) {
            crate::http::Endpoint::parse(&url).map_err(|error| self.value(route, key, &error.to_string()))?;
        }
        Ok(made)
    }

    fn header(&self, route: &Spanned<file::Route>) -> Result<Option<String>, Error> {
        let file = route.get_ref();
        let refused = |reason| Err(self.value(route, "network.route.header", reason));
        match file.header.as_deref().map(str::to_ascii_lowercase) {
            None => Ok(None),
            Some(_) if !matches!(file.provider, Provider::Anthropic | Provider::OpenAi) => {
                refused("means nothing to this provider, which has a way of its own")
            }
            Some(name) if carries_credential(&name) => Ok(Some(name)),
            Some(_) => refused("is no header field for a credential: name one of the gateway's own, such as x-my-gateway-key"),
        }
    }

    fn token_url(&self, route: &Spanned<file::Route>) -> Result<Option<String>, Error> {
        let file = route.get_ref();
        match (file.provider.token_url(), &file.token_url) {
            (None, Some(_)) => {
                Err(self.value(route, "network.route.token_url", "means nothing to this provider, which exchanges no token"))
            }
            (usual, named) => Ok(named.as_deref().or(usual).map(|url| url.trim_end_matches('/').to_owned())),
        }
    }

    fn google(&self, route: &Spanned<file::Route>) -> Result<Google, Error> {
        let file = route.get_ref();
        let google = Google { project: file.project.clone(), iam_url: file.iam_url.clone(), oauth_url: file.oauth_url.clone() };
        match &google.project {
            _ if file.provider != Provider::Vertex && google != Google::default() => {
                Err(self.value(route, "network.route", "has `project`, `iam_url` or `oauth_url`, which only Google Cloud has"))
            }
            Some(project) if !Google::is_project(project) => Err(self.value(route, "network.route.project", "is not the ID of a project")),
            _ => Ok(google),
        }
    }

    fn ca_file(&self, route: &Spanned<file::Route>) -> Result<Option<PathBuf>, Error> {
        match &route.get_ref().ca_file {
            Some(path) if Path::new(path).is_absolute() => Ok(Some(PathBuf::from(path))),
            Some(_) => Err(self.value(route, "network.route.ca_file", "must be an absolute path")),
            None => Ok(None),
        }
    }
}
