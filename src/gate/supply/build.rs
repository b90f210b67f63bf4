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
];

/// Endings of MSBuild's projects.
const MSBUILD_PROJECTS: &[&str] = &[".csproj", ".vbproj", ".fsproj", ".vcxproj", ".sqlproj"];
/// Files that MSBuild reads by name.
const MSBUILD: &[&str] = &[
    "directory.build.props",
    "directory.build.targets",
    "directory.packages.props",
    "directory.solution.props",
    "directory.solution.targets",
];

/// Files that Python runs or reads at every start.
const STARTUP: &[&str] = &["sitecustomize.py", "usercustomize.py"];

pub(super) fn judge_file(judge: &mut Judge<'_>, file: &File<'_>) {
    let name = file.name();
    if is_wrapper(file.folded) {
        judge.find("build/wrapper", file, "this fetches and runs the build tool itself".to_owned(), Way::Rule);
    } else if STARTUP.contains(&name) || is_pth(file) {
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
    let script = matches!(name, "gradlew" | "gradlew.bat" | "mvnw" | "mvnw.cmd" | "mvnwdebug" | "mvnwdebug.cmd");
    let other = matches!(name, "gradle-wrapper.jar" | "gradle-wrapper.properties" | "maven-wrapper.jar" | "maven-wrapper.properties");
    in_wrapper || script || other
}

/// A path file of Python's; other programs use the ending for weights and the like, which are no text.
fn is_pth(file: &File<'_>) -> bool {
    file.name().ends_with(".pth") && (file.text.is_some_and(|text| !text.is_empty()) || !file.fact.remains())
}

fn program(judge: &Judge<'_>, file: &File<'_>) -> Option<&'static str> {
    let name = file.name();
    let in_sources = || file.folded.split('/').any(|folder| folder == "src");
    let of_msbuild = || MSBUILD.contains(&name) || MSBUILD_PROJECTS.iter().any(|ending| name.ends_with(ending));
    let is_msbuild = || [file.text, file.old_text].into_iter().flatten().any(|text| text.to_ascii_lowercase().contains("<project"));
    if PROGRAMS.contains(&name) || name.ends_with(".rake") {
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
