//! What a run needs: tools, certificates of our own, compiled probes, and a directory for each place.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::{
    agent::Agent,
    case::Case,
    judge::Run,
    place::{self, Place},
    tests,
};

/// Names that the outside's certificate is good for.
const NAMES: &[&str] = &["allowed.example", "also.allowed.example", "provider.example", "gitlab.example", "evil.example"];

/// What is installed here.
#[derive(Debug)]
pub struct Tools {
    pub containers: bool,
}

/// The cases for which everything is there; of each other one it is said aloud. Claude Code is put below `base`, in `tools`.
pub fn suffice(base: &Path, cases: Vec<Case>) -> Vec<Case> {
    let tools = base.join("tools");
    fs::create_dir(&tools).unwrap();
    if cases.iter().any(|case| case.needs.as_deref() == Some("claude")) {
        let kept = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("demo");
        Agent::find(&kept, &tools, |line| println!("{line}")).unwrap();
    }
    let can = |case: &Case| {
        let missing = case.needs.as_ref().filter(|name| !tools.join(name).is_file() && (*name == "claude" || !there(name)));
        if let Some(missing) = missing {
            println!("NOT RUN: escape case {}: it needs {missing}", case.name);
        }
        missing.is_none()
    };
    cases.into_iter().filter(can).collect()
}

fn there(name: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {name} >/dev/null")]).status().unwrap().success()
}

/// None where not even the run without walls can be made; that is said aloud.
pub fn tools() -> Option<Tools> {
    if !nix::unistd::geteuid().is_root() {
        println!("NOT RUN: the escape suite: it needs root, to make network namespaces");
        return None;
    }
    if let Some(missing) = ["unshare", "ip", "cc", "/usr/bin/python3", "curl", "git"].iter().find(|name| !there(name)) {
        println!("NOT RUN: the escape suite: it needs {missing}");
        return None;
    }
    Some(Tools { containers: there("podman") && there("runc") })
}

/// A directory that every uid may enter.
pub fn scratch() -> TempDir {
    let made = TempDir::with_prefix("escape-").unwrap();
    fs::set_permissions(made.path(), fs::Permissions::from_mode(0o755)).unwrap();
    made
}

/// Made once for all places.
#[derive(Debug)]
pub struct Lab {
    base: PathBuf,
    programs: PathBuf,
    pki: PathBuf,
}

impl Lab {
    pub fn make(base: &Path, cases: &[Case]) -> Self {
        let lab = Self { base: base.to_owned(), programs: base.join("programs"), pki: base.join("pki") };
        fs::create_dir(&lab.programs).unwrap();
        fs::create_dir(&lab.pki).unwrap();
        certificates(&lab.pki);
        for file in fs::read_dir(tests().join("escape/lab")).unwrap().flatten() {
            match file.path().extension().and_then(|extension| extension.to_str()) {
                Some("c") => compile(&file.path(), &lab.programs.join(file.path().file_stem().unwrap())),
                Some("java") if there("javac") => classes(&file.path(), &lab.programs),
                _ => drop(fs::copy(file.path(), lab.programs.join(file.file_name())).unwrap()),
            }
        }
        for case in cases {
            let to = lab.programs.join(place::program(case));
            if case.file.extension().is_some_and(|extension| extension == "c") {
                compile(&case.file, &to);
            } else {
                fs::copy(&case.file, &to).unwrap();
            }
        }
        lab
    }
}

/// Static, so that it runs wherever it is put.
fn compile(source: &Path, to: &Path) {
    let include = tests().join("escape/lab");
    let made =
        Command::new("cc").args(["-static", "-O1", "-pthread", "-w", "-I"]).arg(include).arg("-o").arg(to).arg(source).output().unwrap();
    assert!(made.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&made.stderr));
}

/// Java's classes.
fn classes(source: &Path, to: &Path) {
    let made = Command::new("javac").arg("-d").arg(to).arg(source).output().unwrap();
    assert!(made.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&made.stderr));
}

/// An authority of our own and one certificate for all servers outside.
fn certificates(directory: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "made-up authority");
    fs::write(directory.join("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let names: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let server = CertificateParams::new(names).unwrap().signed_by(&own, &issuer).unwrap();
    fs::write(directory.join("server.pem"), server.pem()).unwrap();
    fs::write(directory.join("server.key"), own.serialize_pem()).unwrap();
}

/// One run: all cases that are tried in `place`.
pub fn run(place: &Place, lab: &Lab, cases: &[Case]) -> Run {
    let tried: Vec<&Case> = cases.iter().filter(|case| case.is_tried_in(place.name)).collect();
    let directory = place.prepare(&lab.base, &tried, &lab.programs, &lab.pki, Path::new(crate::TIDEWAITER));
    let output = place.command(&tests(), &directory).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let parsed: Vec<_> = text.lines().map(|line| (line, serde_json::from_str(line))).collect();
    let rest: String = parsed.iter().filter(|(_, value)| value.is_err()).map(|(line, _)| format!("{line}\n")).collect();
    Run {
        place: place.name,
        directory,
        lines: parsed.into_iter().filter_map(|(_, value)| value.ok()).collect(),
        rest: rest + &String::from_utf8_lossy(&output.stderr),
    }
}
