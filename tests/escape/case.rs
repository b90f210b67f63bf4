//! A case: one file, a head of `key: value` comment lines, and the probe as its body.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// How a probe is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With many others in one start of Tidewaiter: the walls must hold it.
    Attack,
    /// The same, but it must work: the walls may not stand in the way of plain work.
    Allowed,
    /// A script outside of the walls that starts Tidewaiter itself.
    Around,
}

/// One attempt, and what has to come of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Folder and file, `network/udp-sendto`.
    pub name: String,
    pub file: PathBuf,
    pub kind: Kind,
    /// The line of the catalogue that it belongs to.
    pub line: String,
    /// The result without walls; after ` or ` the error of a kernel that lacks what is attacked.
    pub control: String,
    /// The result inside, by place; `` for all that are not named.
    pub inside: BTreeMap<String, String>,
    /// What the outside sees without walls, and must not see with them.
    pub seen: Vec<String>,
    /// The rule of the refusal that the journal must hold.
    pub journal: Option<String>,
    /// Whether the files outside are changed without walls. With them they never may be.
    pub changes: bool,
    /// What becomes of the process outside without walls. With them nothing ever may.
    pub victim: Option<String>,
    /// Whether its body names `VICTIM`, a process outside that is started for it.
    pub attacks_a_process: bool,
    /// A sentence of SECURITY.md that says of the results `works` inside that nothing else is promised.
    pub residual: Option<String>,
    /// Places where it is tried, all if empty; the head has to say why.
    pub places: Vec<String>,
    /// A program without which it cannot be tried at all.
    pub needs: Option<String>,
    /// Seconds that it may take.
    pub timeout: u32,
}

impl Case {
    /// The result that is expected in `place` with its walls: the most exact name counts (`host-netns`, `host`).
    pub fn expected(&self, place: &str) -> &str {
        let family = place.split('-').next().unwrap_or_default();
        let fence = place.split('-').nth(1).unwrap_or_default();
        let found = [place, fence, family, ""].iter().find_map(|name| self.inside.get(*name));
        found.map_or(if self.kind == Kind::Allowed { self.control.as_str() } else { "" }, String::as_str)
    }

    pub fn is_tried_in(&self, place: &str) -> bool {
        place == crate::place::OPEN || self.places.is_empty() || self.places.iter().any(|own| own == place)
    }

    /// Whether a sentence of SECURITY.md covers that it works in `place`.
    pub fn is_residual(&self, place: &str) -> bool {
        self.residual.is_some() && self.kind != Kind::Allowed && self.expected(place) == "works"
    }
}

/// Reads every case below `folder`; what is wrong with a head is told all at once.
pub fn all(folder: &Path) -> Vec<Case> {
    let mut files = Vec::new();
    for group in fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir() && entry.file_name() != "lab") {
        files.extend(fs::read_dir(group.path()).unwrap().flatten().map(|entry| entry.path()));
    }
    files.sort();
    let (read, wrong): (Vec<_>, Vec<_>) = files.iter().map(|file| case(folder, file)).partition(Result::is_ok);
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "these heads are not understood:\n{}", wrong.join("\n"));
    read.into_iter().filter_map(Result::ok).collect()
}

fn case(folder: &Path, file: &Path) -> Result<Case, String> {
    let name = file.strip_prefix(folder).unwrap().with_extension("").display().to_string();
    let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
    let mut head = head(&text);
    let mut inside = BTreeMap::new();
    for key in head.keys().filter(|key| key.starts_with("inside")).cloned().collect::<Vec<_>>() {
        let value = head.remove(&key).unwrap_or_default();
        let places: Vec<&str> = key.split(' ').skip(1).collect();
        inside.extend(places.iter().map(|place| ((*place).to_owned(), value.clone())));
        if places.is_empty() {
            inside.insert(String::new(), value);
        }
    }
    let around = head.remove("runs").is_some_and(|how| how == "around");
    let kind = match (name.starts_with("allowed/"), around) {
        (_, true) => Kind::Around,
        (true, false) => Kind::Allowed,
        (false, false) => Kind::Attack,
    };
    let list =
        |text: Option<String>, by: &str| text.map_or(vec![], |text| text.split(by).map(|one| one.trim().to_owned()).collect::<Vec<_>>());
    let made = Case {
        file: file.to_owned(),
        kind,
        line: head.remove("line").ok_or_else(|| format!("{name}: no `line`"))?,
        control: head.remove("control").ok_or_else(|| format!("{name}: no `control`"))?,
        seen: list(head.remove("seen"), "; "),
        journal: head.remove("journal"),
        changes: head.remove("outside").is_some_and(|what| what == "changed"),
        victim: head.remove("victim"),
        attacks_a_process: text.contains("VICTIM"),
        residual: head.remove("residual"),
        places: list(head.remove("places"), " "),
        needs: head.remove("needs"),
        timeout: head.remove("timeout").map_or(Ok(20), |text| text.parse().map_err(|_| format!("{name}: `timeout` is no number")))?,
        inside,
        name: name.clone(),
    };
    let why = head.remove("why");
    if let Some(key) = head.keys().next() {
        return Err(format!("{name}: unknown key `{key}`"));
    }
    if kind != Kind::Allowed && !made.inside.contains_key("") {
        return Err(format!("{name}: no `inside`"));
    }
    if !made.places.is_empty() && why.is_none() {
        return Err(format!("{name}: `places` without a `why`"));
    }
    Ok(made)
}

/// The comment lines at the top that have the form `key: value`.
fn head(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with("#!")) {
        let Some(line) = line.strip_prefix("# ").or_else(|| line.strip_prefix("// ")) else { break };
        if let Some((key, value)) =
            line.split_once(": ").filter(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b" -".contains(&b)))
        {
            found.insert(key.to_owned(), value.trim().to_owned());
        }
    }
    found
}
