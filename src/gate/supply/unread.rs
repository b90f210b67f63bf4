//! Manifests and lockfiles of package managers whose keys are not read here: whatever changes in them may bring code in.

use crate::gate::{
    Op,
    content::File,
    finding::{Judge, Way},
};

/// Files by name, folded.
const FILES: &[&str] = &[
    // Swift, CocoaPods, Carthage.
    "package.swift",
    "package.resolved",
    "podfile",
    "podfile.lock",
    "cartfile",
    "cartfile.private",
    "cartfile.resolved",
    // Dart, Elixir, Erlang, Gleam.
    "pubspec.yaml",
    "pubspec.lock",
    "mix.exs",
    "mix.lock",
    "rebar.config",
    "rebar.lock",
    "gleam.toml",
    // .NET, beside the projects, which MSBuild runs.
    "packages.config",
    "packages.lock.json",
    "paket.dependencies",
    "paket.lock",
    // Haskell, OCaml, Nim, D, Crystal, Zig, Lua, Perl, Fortran.
    "stack.yaml",
    "stack.yaml.lock",
    "cabal.project",
    "cabal.project.local",
    "cabal.project.freeze",
    "dune-project",
    "dub.json",
    "dub.sdl",
    "shard.yml",
    "shard.lock",
    "build.zig.zon",
    "cpanfile",
    "cpanfile.snapshot",
    "fpm.toml",
    // C and C++.
    "conanfile.txt",
    "conanfile.py",
    "conan.lock",
    "vcpkg.json",
    "vcpkg-configuration.json",
    // Scala and Clojure.
    "build.sbt",
    "plugins.sbt",
    "build.mill",
    "build.sc",
    "project.clj",
    "deps.edn",
    "build.clj",
    // Julia, R, conda.
    "project.toml",
    "manifest.toml",
    "renv.lock",
    "environment.yml",
    "environment.yaml",
    "pixi.toml",
    // Bazel, Nix, Buf, Ansible, Helm, Terraform.
    "workspace",
    "workspace.bazel",
    "module.bazel",
    "module.bazel.lock",
    "flake.lock",
    "devbox.lock",
    "devenv.lock",
    "mise.lock",
    "buf.yaml",
    "buf.lock",
    "galaxy.yml",
    "requirements.yml",
    "chart.yaml",
    "chart.lock",
    ".terraform.lock.hcl",
    // Scripts' other managers.
    "deno.json",
    "deno.jsonc",
    "jsr.json",
    "import_map.json",
    "bower.json",
    "elm.json",
    "spago.yaml",
    "spago.lock",
    "shrinkwrap.yaml",
    // Systems' packages.
    "pkgbuild",
    "snapcraft.yaml",
];
/// Endings of such names.
const ENDINGS: &[&str] = &[".podspec", ".cabal", ".nuspec", ".rockspec", ".nimble", ".opam"];

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let name = file.name();
    if file.fact.op() != Op::Delete && (FILES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))) {
        let what = "packages are named here in a form that is not read: whether new code comes in cannot be told".to_owned();
        judge.find("package/unread", file, what, Way::Rule);
    }
}
