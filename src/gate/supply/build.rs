//! Programs that run when something is built or tested, and the wrappers that fetch build tools.

use super::{Lines, registry::has_beside};
use crate::gate::{
    content::File,
    finding::{Judge, Way},
};

/// Programs by name, folded.
const PROGRAMS: &[&str] = &[
    "setup.py",
    "conftest.py",
    "noxfile.py",
    "rakefile",
    "rakefile.rb",
    "gulpfile.js",
    "gulpfile.mjs",
    "gulpfile.ts",
    "gruntfile.js",
    "gruntfile.ts",
    "binding.gyp",
    "extconf.rb",
    "hatch_build.py",
    "pdm_build.py",
    "tox.ini",
    "pytest.ini",
    ".pytest.ini",
    "tasks.py",
    "dodo.py",
    "fabfile.py",
    "pavement.py",
    "versioneer.py",
    "sconstruct",
    "sconscript",
    "wscript",
    "taskfile.yml",
    "taskfile.yaml",
    "taskfile.dist.yml",
    "taskfile.dist.yaml",
    "justfile",
    ".justfile",
    "gnumakefile",
    "makefile.pl",
    "build.pl",
    "configure",
    "configure.ac",
    "configure.in",
    "autogen.sh",
    "meson.build",
    "xmake.lua",
    "premake5.lua",
    "build.zig",
    "build.xml",
    "build.cake",
    "build.fsx",
    "psakefile.ps1",
    "earthfile",
    "tiltfile",
    "jakefile.js",
    "cakefile",
    "guardfile",
    "capfile",
    "fastfile",
    "dangerfile",
    "dangerfile.ts",
    "dangerfile.js",
    "thorfile",
    "buildfile",
    "buck",
    "build",
    "build.bazel",
    "default.nix",
    "guix.scm",
    "magefile.go",
    "dagger.json",
    "skaffold.yaml",
    "docker-bake.hcl",
    "docker-bake.json",
    "bb.edn",
    ".goreleaser.yml",
    ".goreleaser.yaml",
    ".releaserc",
    ".releaserc.json",
    "release.config.js",
    "spec_helper.rb",
    "rails_helper.rb",
    "test_helper.rb",
    // Which tool runs, and from where.
    "rust-toolchain",
    "rust-toolchain.toml",
    "global.json",
    ".nvmrc",
    ".node-version",
    ".python-version",
    ".ruby-version",
    ".java-version",
    ".go-version",
    ".swift-version",
    ".terraform-version",
    ".bazelversion",
];
/// Endings of such programs.
const PROGRAM_ENDINGS: &[&str] = &[".rake", ".bzl", ".gyp", ".gypi"];
/// Folders whose code builds the project.
const PROGRAM_FOLDERS: &[&str] = &["buildsrc", "build-logic", ".dagger"];

/// Endings of MSBuild's projects.
const MSBUILD_PROJECTS: &[&str] =
    &[".csproj", ".vbproj", ".fsproj", ".vcxproj", ".sqlproj", ".wixproj", ".msbuild", ".pubxml", ".sln", ".slnx"];
/// Files that MSBuild reads by name.
const MSBUILD: &[&str] = &[
    "directory.build.rsp",
    "msbuild.rsp",
    "directory.build.props",
    "directory.build.targets",
    "directory.packages.props",
    "directory.solution.props",
    "directory.solution.targets",
];

/// Files that Python runs or reads at every start.
const STARTUP: &[&str] = &["sitecustomize.py", "usercustomize.py", "pyvenv.cfg"];

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let name = file.name();
    if is_wrapper(file.folded) {
        judge.find("build/wrapper", file, "this fetches and runs the build tool itself".to_owned(), Way::Rule);
    } else if STARTUP.contains(&name) || is_pth(file) || file.folded.split('/').any(|folder| STARTUP.contains(&&*format!("{folder}.py"))) {
        judge.find("build/startup", file, "Python runs this at every start".to_owned(), Way::Rule);
    } else if let Some(what) = program(judge, file) {
        judge.find("build/program", file, what.to_owned(), Way::Rule);
    } else if name == "cmakelists.txt" || name.ends_with(".cmake") {
        cmake(judge, file);
    }
}

fn is_wrapper(path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    let name = names.last().copied().unwrap_or_default();
    let in_wrapper = names.windows(3).any(|three| matches!(three, ["gradle" | ".mvn", "wrapper", _]));
    const SCRIPTS: &[&str] = &["gradlew", "mvnw", "mvnwdebug", "bazelw", "buckw", "grailsw", "kotlinw", "millw", "pantsw", "sbtw"];
    let script = SCRIPTS.contains(&name.trim_end_matches(".bat").trim_end_matches(".cmd")) || path.ends_with("tools/bazel");
    let other = matches!(name, "gradle-wrapper.jar" | "gradle-wrapper.properties" | "maven-wrapper.jar" | "maven-wrapper.properties");
    in_wrapper || script || other
}

/// A path file of Python's; other programs use the ending for weights and the like, which are no text.
fn is_pth(file: &File<'_>) -> bool {
    [".pth", "._pth"].iter().any(|ending| file.name().ends_with(ending))
        && (file.text.is_some_and(|text| !text.is_empty()) || !file.fact.remains())
}

fn program(judge: &Judge<'_>, file: &File<'_>) -> Option<&'static str> {
    let name = file.name();
    let in_sources = || file.folded.split('/').any(|folder| folder == "src");
    let of_msbuild = || MSBUILD.contains(&name) || MSBUILD_PROJECTS.iter().any(|ending| name.ends_with(ending));
    let is_msbuild = || [file.text, file.old_text].into_iter().flatten().any(|text| text.to_ascii_lowercase().contains("<project"));
    let in_folder = || file.folded.split('/').rev().skip(1).any(|folder| PROGRAM_FOLDERS.contains(&folder));
    if PROGRAMS.contains(&name) || PROGRAM_ENDINGS.iter().any(|ending| name.ends_with(ending)) || in_folder() {
        Some("this program runs when the project is built, installed or tested")
    } else if name == "build.rs" && (has_beside(judge, file, "Cargo.toml") || !in_sources())
        || judge.ground.is_build_script(&file.fact.path)
    {
        Some("Cargo runs this program when the crate is built")
    } else if name.ends_with(".rs") && judge.ground.is_proc_macro(&file.fact.path) {
        Some("the compiler runs this: it is part of a crate of procedural macros")
    } else if of_msbuild() || ((name.ends_with(".targets") || name.ends_with(".props")) && is_msbuild()) {
        Some("MSBuild runs what this says when the project is built")
    } else {
        None
    }
}

/// CMake's files are edited with every new source file, so only what runs or fetches something at configuration is told.
fn cmake(judge: &mut Judge<'_>, file: &File<'_>) {
    const PARTS: &[&str] = &["execute_process", "externalproject_add", "fetchcontent_declare", "file(download"];
    let runs = |text: &str| {
        let text = text.to_ascii_lowercase().replace(' ', "");
        PARTS.iter().find(|part| text.contains(**part)).copied()
    };
    let found = file.added.iter().find_map(|line| runs(line.text).map(|_| line.text));
    if let Some(line) = found {
        let what = "CMake runs or fetches something here when the project is configured".to_owned();
        judge.weigh("build/program", crate::verdict::Severity::Warn, Lines::of(file).at(line), what, Way::Rule);
    }
}
