//! Commands of shell lines that run files, and what such files are called.

/// Endings of files that interpreters run.
pub(super) const ENDINGS: &[&str] = &[
    "sh", "bash", "zsh", "ksh", "fish", "py", "rb", "js", "mjs", "cjs", "ts", "mts", "pl", "ps1", "psm1", "php", "lua", "r", "jl",
    "groovy", "exs", "mk", "mak", "just", "cmd", "bat", "awk", "sed", "tcl", "bats", "cmake", "nix", "star", "bzl",
];

/// Commands that run what a file of a fixed name says, with these names.
pub(super) const FIXED: &[(&str, &[&str])] = &[
    ("make", &["Makefile", "makefile", "GNUmakefile"]),
    ("gmake", &["Makefile", "makefile", "GNUmakefile"]),
    ("just", &["justfile", "Justfile", ".justfile"]),
    ("task", &["Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml", "Taskfile.dist.yml"]),
    ("go-task", &["Taskfile.yml", "Taskfile.yaml"]),
    ("tox", &["tox.ini"]),
    ("nox", &["noxfile.py"]),
    ("invoke", &["tasks.py"]),
    ("inv", &["tasks.py"]),
    ("doit", &["dodo.py"]),
    ("rake", &["Rakefile", "rakefile", "Rakefile.rb"]),
    ("gulp", &["gulpfile.js", "gulpfile.mjs", "gulpfile.ts"]),
    ("grunt", &["Gruntfile.js"]),
    ("jake", &["Jakefile", "Jakefile.js"]),
    ("mage", &["magefile.go"]),
    ("ant", &["build.xml"]),
    ("scons", &["SConstruct"]),
    ("earthly", &["Earthfile"]),
    ("docker", &["Dockerfile"]),
    ("buildah", &["Dockerfile", "Containerfile"]),
    ("podman", &["Dockerfile", "Containerfile"]),
    ("/kaniko/executor", &["Dockerfile"]),
    ("docker-compose", &["docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml"]),
    ("compose", &["docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml"]),
    ("fastlane", &["fastlane/Fastfile"]),
    ("goreleaser", &[".goreleaser.yml", ".goreleaser.yaml"]),
    ("pre-commit", &[".pre-commit-config.yaml"]),
    ("vagrant", &["Vagrantfile"]),
];

/// Commands that do what the file in their arguments says, whatever its ending.
pub(super) const APPLY: &[&str] = &[
    "ansible-playbook",
    "kubectl",
    "helm",
    "docker-compose",
    "docker",
    "podman",
    "buildah",
    "make",
    "gmake",
    "source",
    ".",
    "bash",
    "sh",
    "python",
    "python3",
    "node",
    "ruby",
    "perl",
    "just",
    "task",
    "psql",
    "mysql",
];

/// Package managers that run a `package.json`'s scripts.
pub(super) const NPM: &[&str] = &["npm", "yarn", "pnpm", "bun"];
/// What installing runs.
pub(super) const ON_INSTALL: &[&str] = &["preinstall", "install", "postinstall", "prepare", "prepublish"];
