//! The kinds of runner, and the containers that they make.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// What `images/build.sh` builds.
pub(crate) const IMAGE: &str = "localhost/tidewaiter:debian";

/// How GitLab Runner's docker executor starts a job's shell, which then reads the script from its standard input.
pub(crate) const DETECT: &str = "if [ -x /usr/local/bin/bash ]; then exec /usr/local/bin/bash; elif [ -x /usr/bin/bash ]; then exec /usr/bin/bash; \
     elif [ -x /bin/bash ]; then exec /bin/bash; elif [ -x /usr/bin/sh ]; then exec /usr/bin/sh; elif [ -x /bin/sh ]; then exec /bin/sh; \
     else echo shell not found; exit 1; fi";

/// Where a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// On this machine, in no container.
    Host,
    /// Docker executor, unprivileged, the image's own user: root.
    Root,
    /// Docker executor, unprivileged, a user that the image does not know.
    User,
    /// Docker executor, `privileged = true`.
    Privileged,
    /// Kubernetes' restricted profile: another user, no capabilities, a read-only root and writable volumes.
    Restricted,
    /// Docker executor, unprivileged, root with `cap_drop = ["ALL"]`.
    Powerless,
}

impl Runner {
    pub(crate) const ALL: [Self; 6] = [Self::Host, Self::Root, Self::User, Self::Privileged, Self::Restricted, Self::Powerless];

    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Host | Self::Root => &[],
            Self::User => &["--user=1000:1000"],
            Self::Privileged => &["--privileged"],
            Self::Powerless => &["--cap-drop=all"],
            Self::Restricted => &[
                "--user=1000:1000",
                "--cap-drop=all",
                "--security-opt=no-new-privileges",
                "--read-only",
                "--read-only-tmpfs=false",
                "--tmpfs=/tmp:rw,exec,mode=1777",
            ],
        }
    }

    /// A container of the project's image, without its arguments.
    pub(crate) fn container(self, scratch: &Path, name: &str) -> Command {
        let mut podman = podman(scratch);
        podman.args(["run", "--rm", "--interactive", "--quiet", "--network=host", "--name", name]).args(self.options());
        if self != Self::Privileged {
            podman.arg(format!("--security-opt=seccomp={}", beside("docker-like-seccomp.json").display()));
        }
        podman.arg(format!("--pidfile={}", scratch.join(name).display()));
        podman
    }
}

/// Podman, with storage of its own in `scratch`.
pub(crate) fn podman(scratch: &Path) -> Command {
    let mut podman = Command::new("podman");
    storage(&mut podman, scratch);
    podman.args(["--log-level=error", "--tmpdir"]).arg(scratch.join("engine"));
    podman
}

/// Points the container tools to the storage in `scratch` and to runc (containers.conf(5), containers-storage.conf(5)).
pub(crate) fn storage(command: &mut Command, scratch: &Path) {
    command.env("CONTAINERS_STORAGE_CONF", scratch.join("storage.conf")).env("CONTAINERS_CONF", beside("containers.conf"));
}

/// A file in this folder.
pub(crate) fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers").join(name)
}
