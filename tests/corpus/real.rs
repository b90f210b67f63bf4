//! Real changes: from one version of a package to the next, as `tests/gate/sources.tsv` names them and `tests/gate/fetch.sh` lays
//! them down. A change is [`PIECE`] files of such a step in the order of their paths, and those that belong to the last one: a file
//! that only moved is there on both its sides, and compiled translations with their source. Each is judged against the one before
//! it, as commits follow each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tidewaiter::{
    gate::{self, CI_CONFIG, Change, Terms},
    git::Oid,
    policy::Policy,
    verdict::{Decision, Finding, Severity},
};

use crate::{
    folder,
    support::repo::{Scene, known, limits, policy_of},
};

/// Files of a change.
const PIECE: usize = 10;
/// Fewer than these say nothing.
const CHANGES: usize = 1000;
/// Percent of the files that may be denied, and that may need a look.
const DENIED: f64 = 1.0;
const REVIEW: f64 = 10.0;
/// Examples of each rule that are printed, unless `GATE_CORPUS_EXAMPLES` says otherwise.
const EXAMPLES: usize = 4;

/// Rules that name files by their paths: what they say of such a file is meant, and no false alarm.
const BY_PATH: &[&str] =
    &["agent/", "build/", "ci/", "editor/", "git/", "gitlab/", "path/", "project/", "registry/", "scanner/config", "vendor/"];

/// What binary and newly executable files are told by: counted besides, among the others as well.
const BY_LIST: &[&str] = &["content/binary", "content/image", "content/catalogue", "mode/exec"];

/// What was counted.
#[derive(Default)]
struct Sums {
    changes: usize,
    denied: usize,
    drafts: usize,
    files: usize,
    named: usize,
    listed: usize,
    /// Files by the heaviest finding, the named ones left out.
    weights: BTreeMap<Severity, usize>,
    /// Files by rule and weight.
    rules: BTreeMap<(Severity, String), usize>,
    examples: BTreeMap<(Severity, String), Vec<String>>,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.changes += other.changes;
        self.files += other.files;
        self.named += other.named;
        self.listed += other.listed;
        self.denied += other.denied;
        self.drafts += other.drafts;
        other.weights.into_iter().for_each(|(key, count)| *self.weights.entry(key).or_default() += count);
        other.rules.into_iter().for_each(|(key, count)| *self.rules.entry(key).or_default() += count);
        other.examples.into_iter().for_each(|(key, found)| self.examples.entry(key).or_default().extend(found));
    }

    fn share(&self, least: Severity) -> (usize, f64) {
        let count = self.weights.iter().filter(|(weight, _)| **weight >= least).map(|(_, count)| count).sum::<usize>();
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let share = 100.0 * count as f64 / (self.files - self.named).max(1) as f64;
        (count, share)
    }
}

#[test]
fn real_changes_are_seldom_held_up() {
    let Some(sources) = std::env::var_os("GATE_CORPUS_SOURCES").map(PathBuf::from) else {
        eprintln!("NOT RUN: real changes (make gate-corpus fetches and judges them)");
        return;
    };
    let packages = packages();
    let (next, sums) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<String, Sums>::new()));
    let work = || {
        while let Some((package, versions)) = packages.get(next.fetch_add(1, Ordering::Relaxed)) {
            let counted = judge_package(&sources.join(package), versions);
            println!("{package}: {} changes of {} files, {} denied", counted.changes, counted.files, counted.share(Severity::Deny).0);
            let kind = package.split('/').next().unwrap().to_owned();
            sums.lock().unwrap().entry(kind).or_default().add(counted);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let all = report(sums.into_inner().unwrap());
    let ((denied, denied_share), (held, held_share)) = (all.share(Severity::Deny), all.share(Severity::Review));
    let (review, review_share) = (held - denied, held_share - denied_share);
    println!("gate-corpus: real changes, of {} files | {} | at least {CHANGES}", all.files, all.changes);
    println!("gate-corpus: real files that a rule names by path | {} | none", all.named);
    println!("gate-corpus: real files that are binary or newly executable, among the others | {} | none", all.listed);
    println!("gate-corpus: real files denied, of the others | {denied} ({denied_share:.2} %) | at most {DENIED} %");
    println!("gate-corpus: real files for review, of the others | {review} ({review_share:.2} %) | at most {REVIEW} %");
    assert!(all.changes >= CHANGES, "only {} changes: some archives are missing", all.changes);
    assert!(denied_share <= DENIED && review_share <= REVIEW, "{denied_share} % of the files are denied, {review_share} % need a look");
}

/// Every package as `kind/name`, with its versions in the order of the list.
fn packages() -> Vec<(String, Vec<String>)> {
    let mut packages: Vec<(String, Vec<String>)> = Vec::new();
    for line in fs::read_to_string(folder().join("sources.tsv")).unwrap().lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let package = format!("{}/{}", fields[0], fields[1]);
        match packages.last_mut().filter(|(last, _)| *last == package) {
            Some((_, versions)) => versions.push(fields[2].to_owned()),
            None => packages.push((package, vec![fields[2].to_owned()])),
        }
    }
    packages
}

/// The default policy with its bounds of size out of the way.
fn policy() -> Policy {
    let mut text = include_str!("../../policies/default.toml").to_owned();
    for (line, wider) in [
        ("max_files = 200", "max_files = 100000"),
        ("max_file_bytes = \"1M\"", "max_file_bytes = \"200M\""),
        ("max_bytes = \"10M\"", "max_bytes = \"2G\""),
        ("max_lines = 10000", "max_lines = 100000000"),
        ("max_deleted = 50", "max_deleted = 100000"),
    ] {
        assert!(text.contains(line), "the default policy has no line {line}");
        text = text.replace(line, wider);
    }
    policy_of(&text)
}

fn judge_package(folder: &Path, versions: &[String]) -> Sums {
    let scene = Scene::empty();
    fs::create_dir_all(scene.checkout().join(".git/info")).unwrap();
    fs::write(scene.checkout().join(".git/info/attributes"), "* -text -eol -filter -ident -working-tree-encoding\n").unwrap();
    let trees: Vec<String> =
        versions.iter().map(|version| folder.join(version)).filter(|path| path.is_dir()).map(|path| tree(&scene, &path)).collect();
    let steps: Vec<Vec<(Oid, Oid)>> = trees.windows(2).map(|pair| pieces(&scene, &pair[0], &pair[1])).collect();
    let repository = scene.repository();
    let (policy, known) = (policy(), known());
    let mut sums = Sums::default();
    for (base, tree) in steps.into_iter().flatten() {
        let terms = Terms::now(&policy.changes, &known, limits().deadline);
        let change = Change::between(&repository, base, tree, vec![], CI_CONFIG).unwrap();
        let verdict = gate::judge(&change, &repository, &terms).unwrap().verdict;
        sums.changes += 1;
        sums.denied += usize::from(verdict.decision == Decision::Deny);
        sums.drafts += usize::from(verdict.decision == Decision::Review);
        count(&mut sums, &change, &verdict.findings, folder);
    }
    sums
}

fn count(sums: &mut Sums, change: &Change, findings: &[Finding], folder: &Path) {
    let mut by_path: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| !finding.path.is_empty()) {
        by_path.entry(finding.path.clone()).or_default().push(finding);
    }
    sums.files += change.facts().len();
    let by_path_rule =
        |finding: &&Finding| finding.severity >= Severity::Review && BY_PATH.iter().any(|start| finding.rule.starts_with(start));
    for (path, findings) in by_path {
        if findings.iter().any(by_path_rule) {
            sums.named += 1;
            continue;
        }
        sums.listed += usize::from(findings.iter().any(|finding| BY_LIST.contains(&finding.rule.as_str())));
        let heaviest = findings.iter().map(|finding| finding.severity).max().unwrap();
        *sums.weights.entry(heaviest).or_default() += 1;
        let rules: BTreeSet<(Severity, &str)> = findings.iter().map(|finding| (finding.severity, finding.rule.as_str())).collect();
        for (severity, rule) in rules {
            let key = (severity, rule.to_owned());
            *sums.rules.entry(key.clone()).or_default() += 1;
            let finding = findings.iter().find(|finding| finding.rule == rule && finding.severity == severity).unwrap();
            let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
            let shown = finding.excerpt.as_deref().unwrap_or_default();
            let package = folder.file_name().unwrap().to_string_lossy();
            sums.examples.entry(key).or_default().push(format!("{package} {path}{line}: {} | {shown}", finding.message));
        }
    }
}

/// The tree of a version's sources, without what only its packaging made.
fn tree(scene: &Scene, version: &Path) -> String {
    let checkout = scene.checkout();
    for entry in fs::read_dir(&checkout).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with(".git") {
            if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    }
    assert!(Command::new("cp").arg("-a").arg(version.join(".")).arg(&checkout).status().unwrap().success());
    let _ = fs::remove_file(checkout.join(".cargo_vcs_info.json"));
    let _ = fs::rename(checkout.join("Cargo.toml.orig"), checkout.join("Cargo.toml"));
    for entry in fs::read_dir(&checkout).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "dist-info") {
            fs::remove_dir_all(path).unwrap();
        }
    }
    scene.git(&["add", "-A", "-f"]);
    scene.git(&["write-tree"]).trim().to_owned()
}

/// One changed file as git tells it: the mode and id afterwards, and the path.
struct Entry {
    place: String,
    old: String,
    new: String,
    mode: String,
    path: String,
}

/// The trees before and after each change of the step from `old` to `new`.
fn pieces(scene: &Scene, old: &str, new: &str) -> Vec<(Oid, Oid)> {
    let raw = scene.git(&["diff-tree", "-r", "-z", "--no-renames", "--raw", "--no-abbrev", old, new]);
    let mut fields = raw.split('\0');
    let mut entries = Vec::new();
    while let (Some(head), Some(path)) = (fields.next().and_then(|head| head.strip_prefix(':')), fields.next()) {
        let words: Vec<&str> = head.split(' ').collect();
        let [_, mode, old, new, _] = words[..] else { panic!("{head}") };
        // Translations are compiled when their source changes.
        let place = path.strip_suffix(".mo").map_or(path.to_owned(), |stem| format!("{stem}.po"));
        entries.push(Entry { place, old: old.into(), new: new.into(), mode: mode.into(), path: path.into() });
    }
    let added: BTreeMap<String, String> =
        entries.iter().filter(|entry| entry.old.starts_with("0000000")).map(|entry| (entry.new.clone(), entry.place.clone())).collect();
    for entry in entries.iter_mut().filter(|entry| entry.mode == "000000") {
        entry.place = added.get(&entry.old).unwrap_or(&entry.place).clone();
    }
    entries.sort_by(|a, b| (&a.place, &a.path).cmp(&(&b.place, &b.path)));
    scene.git(&["read-tree", old]);
    let mut trees = vec![old.to_owned()];
    let mut rest = entries.as_slice();
    while !rest.is_empty() {
        // What belongs together is not divided, unless it is very much.
        let (least, most) = (rest.len().min(PIECE), rest.len().min(2 * PIECE));
        let end = (least..most).find(|end| rest[*end].place != rest[end - 1].place).unwrap_or(most);
        update_index(scene, &rest[..end]);
        rest = &rest[end..];
        trees.push(scene.git(&["write-tree"]).trim().to_owned());
    }
    trees.windows(2).map(|pair| (pair[0].parse().unwrap(), pair[1].parse().unwrap())).collect()
}

fn update_index(scene: &Scene, piece: &[Entry]) {
    let mut git = Command::new("git")
        .args(["update-index", "--replace", "-z", "--index-info"])
        .current_dir(scene.checkout())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = git.stdin.take().unwrap();
    // What goes makes room for what comes.
    let (gone, there): (Vec<&Entry>, Vec<&Entry>) = piece.iter().partition(|entry| entry.mode == "000000");
    for Entry { mode, new, path, .. } in gone.into_iter().chain(there) {
        write!(input, "{} {new}\t{path}\0", if mode == "000000" { "0" } else { mode }).unwrap();
    }
    drop(input);
    assert!(git.wait().unwrap().success());
}

fn report(kinds: BTreeMap<String, Sums>) -> Sums {
    println!(
        "| sources | changes | denied | draft | files | named by path | binary or executable | denied | review | warn |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    let mut all = Sums::default();
    for (kind, sums) in kinds {
        row(&kind, &sums);
        all.add(sums);
    }
    row("all", &all);
    let limit = std::env::var("GATE_CORPUS_EXAMPLES").ok().and_then(|count| count.parse().ok()).unwrap_or(EXAMPLES);
    println!("\n| rule | weight | files |\n|---|---|---|");
    for ((severity, rule), count) in all.rules.iter().rev() {
        println!("| {rule} | {} | {count} |", format!("{severity:?}").to_lowercase());
    }
    for ((severity, rule), examples) in all.examples.iter().rev() {
        // From all over the corpus, and the same ones each time.
        let mut examples: Vec<&String> = examples.iter().collect();
        examples.sort();
        for example in examples.iter().step_by((examples.len() / limit).max(1)).take(limit) {
            println!("{rule}={}: {example}", format!("{severity:?}").to_lowercase());
        }
    }
    all
}

fn row(kind: &str, sums: &Sums) {
    let (denied, denied_share) = sums.share(Severity::Deny);
    let (review, review_share) = sums.share(Severity::Review);
    let (warned, _) = sums.share(Severity::Warn);
    println!(
        "| {kind} | {} | {} | {} | {} | {} | {} | {denied} ({denied_share:.2} %) | {} ({:.2} %) | {} |",
        sums.changes,
        sums.denied,
        sums.drafts,
        sums.files,
        sums.named,
        sums.listed,
        review - denied,
        review_share - denied_share,
        warned - review
    );
}
