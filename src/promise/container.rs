//! Which container engine started us, by the signs that it leaves. It decides nothing: it only tells whom to ask for what is
//! missing.

use std::fs;

use serde::Serialize;

/// What we seem to run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Container {
    /// No container that we know.
    None,
    /// Docker Engine.
    Docker,
    /// Docker Desktop, whose containers run in a virtual machine.
    DockerDesktop,
    /// Podman.
    Podman,
    /// A pod of Kubernetes.
    Kubernetes,
    /// containerd without Kubernetes.
    Containerd,
    /// gVisor, a kernel in user space.
    GVisor,
}

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Signs {
    /// `/.dockerenv` exists: Docker makes it.
    pub dockerenv: bool,
    /// `/run/.containerenv` exists: Podman makes it (podman-run(1)).
    pub containerenv: bool,
    /// `KUBERNETES_SERVICE_HOST` is set, or a service account is mounted.
    pub kubernetes: bool,
    /// `/proc/version`.
    pub version: String,
    /// The kernel's release.
    pub release: String,
    /// `/proc/self/mountinfo`.
    pub mounts: String,
}

impl Signs {
    /// Those of this process.
    pub(super) fn here(release: &str) -> Self {
        let there = |path: &str| fs::exists(path).unwrap_or(false);
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            dockerenv: there("/.dockerenv"),
            containerenv: there("/run/.containerenv"),
            kubernetes: std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() || there("/var/run/secrets/kubernetes.io"),
            version: text("/proc/version"),
            release: release.to_owned(),
            mounts: text("/proc/self/mountinfo"),
        }
    }
}

/// The most specific one that the signs speak for.
pub fn recognise(signs: &Signs) -> Container {
    // The one version that gVisor claims to be, whatever runs below it.
    if signs.version.contains("Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016") {
        Container::GVisor
    } else if signs.kubernetes {
        Container::Kubernetes
    } else if signs.containerenv {
        Container::Podman
    } else if signs.dockerenv && signs.release.contains("linuxkit") {
        Container::DockerDesktop
    } else if signs.dockerenv {
        Container::Docker
    } else if signs.mounts.contains("io.containerd.snapshotter") {
        Container::Containerd
    } else {
        Container::None
    }
}

impl Container {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no container that we know",
            Self::Docker => "Docker",
            Self::DockerDesktop => "Docker Desktop",
            Self::Podman => "Podman",
            Self::Kubernetes => "Kubernetes",
            Self::Containerd => "containerd",
            Self::GVisor => "gVisor",
        }
    }

    /// How a runner gives its jobs `capabilities` (a list in quotes).
    pub(super) fn grant(self, capabilities: &str) -> String {
        match self {
            Self::Kubernetes | Self::Containerd => format!(
                "In the runner's config.toml, `[runners.kubernetes.build_container_security_context.capabilities]` with `add = [{capabilities}]`, or another user with `run_as_user`"
            ),
            _ => format!(
                "In the runner's config.toml, `[runners.docker]` with `cap_add = [{capabilities}]`, or run the image as another user"
            ),
        }
    }

    /// Where a kernel with Landlock is to be had.
    pub(super) fn kernel(self, linux: &str) -> String {
        match self {
            Self::GVisor => "gVisor has no Landlock: give these jobs a runner with the runtime `runc`".to_owned(),
            Self::DockerDesktop => format!("Docker Desktop's own kernel decides: use a runner on Linux {linux} or newer"),
            _ => format!("Run it on Linux {linux} or newer with `landlock` among the security modules (boot parameter `lsm=`)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the engines leave them, recorded from their containers or taken from their sources.
    #[test]
    fn engines_are_known_by_their_signs() {
        let signs = Signs { version: "Linux version 6.12.1".to_owned(), release: "6.12.1".to_owned(), ..Signs::default() };
        let gvisor = "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n".to_owned();
        let overlay =
            "1 0 0:30 / / rw - overlay overlay rw,lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs";
        for (signs, expected) in [
            (signs.clone(), Container::None),
            (Signs { dockerenv: true, ..signs.clone() }, Container::Docker),
            (Signs { dockerenv: true, release: "6.10.14-linuxkit".to_owned(), ..signs.clone() }, Container::DockerDesktop),
            (Signs { containerenv: true, ..signs.clone() }, Container::Podman),
            (Signs { kubernetes: true, dockerenv: true, ..signs.clone() }, Container::Kubernetes),
            (Signs { mounts: overlay.to_owned(), ..signs.clone() }, Container::Containerd),
            (Signs { version: gvisor, kubernetes: true, ..signs }, Container::GVisor),
        ] {
            assert_eq!(recognise(&signs), expected, "{signs:?}");
        }
    }
}
