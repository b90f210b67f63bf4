//! The section `[network.gitlab]` of a layer.

use std::path::PathBuf;

use toml::Spanned;

use super::{
    super::{Error, file, is_project_path, network::GitLab},
    Layer,
};
use crate::{host::HostPort, http::Endpoint};

impl Layer<'_> {
    /// The top layer says which GitLab gets the token; the others take away.
    pub(super) fn gitlab(&self, to: &mut Option<GitLab>, section: Spanned<file::GitLab>) -> Result<(), Error> {
        let key = "network.gitlab";
        let url = section.get_ref().url.as_ref().map(|url| self.gitlab_url(url)).transpose()?;
        let mut gitlab = match (to.take(), url) {
            (Some(above), Some(url)) if url != above.url => {
                return Err(self.widens(&section, "network.gitlab.url", format!("the layers above say {}", above.url)));
            }
            (Some(above), _) => above,
            (None, _) if !self.top => {
                return Err(self.widens(&section, key, "the layers above name no GitLab that gets the job's token".to_owned()));
            }
            (None, Some(url)) => GitLab { url, projects: vec![], ca_file: None, reads: true, confidential: false, lfs_hosts: vec![] },
            (None, None) => return Err(self.value(&section, "network.gitlab.url", "is missing: say https://host of your GitLab")),
        };
        let file = section.into_inner();
        if let Some(projects) = file.projects {
            gitlab.projects = self.subset(&gitlab.projects, projects, "network.gitlab.projects", |text| {
                if is_project_path(text) { Ok(text.to_owned()) } else { Err("is not the path of a project, `group/name`".to_owned()) }
            })?;
        }
        if let Some(hosts) = file.lfs_hosts {
            gitlab.lfs_hosts = self.subset(&gitlab.lfs_hosts, hosts, "network.gitlab.lfs_hosts", |text| {
                text.parse::<HostPort>().map_err(|error| error.to_string())
            })?;
        }
        if let Some(path) = file.ca_file {
            let wanted: Option<PathBuf> = Some(self.absolute(&path, "network.gitlab.ca_file")?);
            if !self.top && wanted != gitlab.ca_file {
                return Err(self.widens(&path, "network.gitlab.ca_file", "the layers above decide this".to_owned()));
            }
            gitlab.ca_file = wanted;
        }
        for (asked, granted, key) in [
            (file.reads, &mut gitlab.reads, "network.gitlab.reads"),
            (file.confidential, &mut gitlab.confidential, "network.gitlab.confidential"),
        ] {
            let Some(asked) = asked else { continue };
            *granted = self.no_wider(*granted, &asked, key)?;
        }
        *to = Some(gitlab);
        Ok(())
    }

    /// Plain HTTP is what this one line asks for, where it does.
    fn gitlab_url(&self, url: &Spanned<String>) -> Result<Endpoint, Error> {
        Endpoint::parse_any(url.get_ref()).map_err(|error| self.value(url, "network.gitlab.url", &error.to_string()))
    }
}
