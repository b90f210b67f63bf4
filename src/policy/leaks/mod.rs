//! Rule files for secrets in gitleaks' format, which teams already have: `changes.secrets.files`.
//!
//! A file's text stands among the policy's layers, right after the layer that names it, so that no process of the job reads
//! a path again. What would change a rule's meaning and is not understood is refused. Patterns are parsed here, and compiled
//! when a changed file first needs them.

mod expression;

use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use serde::Deserialize;

use super::{Error, Source};
pub use expression::Expression;

/// The rules of one file.
#[derive(Clone, Debug)]
pub struct Leaks {
    /// The file.
    pub name: String,
    /// In the file's order.
    pub rules: Vec<LeakRule>,
    /// What none of its rules finds.
    pub allowed: Vec<Allowed>,
    keywords: AhoCorasick,
    owners: Vec<usize>,
}

impl Leaks {
    /// The rules that must look at `text`: those without keywords, and those of whose keywords it has one.
    pub fn concerned(&self, text: &[u8]) -> impl Iterator<Item = &LeakRule> {
        let mut concerned: Vec<bool> = self.rules.iter().map(|rule| rule.keywords.is_empty()).collect();
        for word in self.keywords.find_overlapping_iter(text) {
            if let Some(seen) = self.owners.get(word.pattern().as_usize()).and_then(|owner| concerned.get_mut(*owner)) {
                *seen = true;
            }
        }
        self.rules.iter().zip(concerned).filter_map(|(rule, concerned)| concerned.then_some(rule))
    }
}

/// One rule.
#[derive(Clone, Debug)]
pub struct LeakRule {
    /// Its id.
    pub id: String,
    /// What to look for; none where the path alone counts.
    pub regex: Option<Expression>,
    /// The group that is the secret; 0: the first one that has something in it, else all of it.
    pub group: usize,
    /// Paths that it is for; none: all.
    pub path: Option<Expression>,
    /// Shannon entropy, in bits a letter, that a secret must be above.
    pub entropy: f64,
    /// Words of which a file has at least one, in small letters. None: every file is looked at.
    pub keywords: Vec<String>,
    /// What it does not find.
    pub allowed: Vec<Allowed>,
}

/// An exception.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// Whether all of its parts must hold; else one is enough.
    pub all: bool,
    /// Whether it names commits: a change has none yet, so that part never holds.
    pub commits: bool,
    /// Paths.
    pub paths: Vec<Expression>,
    /// What `regexes` are held against.
    pub target: Target,
    /// Patterns.
    pub regexes: Vec<Expression>,
    /// Words in the secret, in small letters.
    pub stopwords: Vec<String>,
    /// Ids of the rules that it is for; none: all.
    pub rules: Vec<String>,
}

/// What an exception's patterns are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The secret.
    #[default]
    Secret,
    /// All that the rule's pattern matched.
    Match,
    /// The lines that it stands on.
    Line,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "what only describes is read to be known by name")]
struct File {
    title: Option<String>,
    description: Option<String>,
    min_version: Option<String>,
    #[serde(default)]
    extend: toml::Table,
    allowlist: Option<Allowlist>,
    #[serde(default)]
    allowlists: Vec<Allowlist>,
    #[serde(default)]
    rules: Vec<toml::Table>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "what only describes is read to be known by name")]
struct Rule {
    id: String,
    description: Option<String>,
    regex: Option<String>,
    #[serde(default)]
    secret_group: usize,
    path: Option<String>,
    #[serde(default)]
    entropy: f64,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    allowlist: Option<Allowlist>,
    #[serde(default)]
    allowlists: Vec<Allowlist>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(dead_code, reason = "what only describes is read to be known by name")]
struct Allowlist {
    description: Option<String>,
    condition: Option<String>,
    #[serde(default)]
    commits: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    regex_target: Option<Target>,
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    stopwords: Vec<String>,
    #[serde(default)]
    target_rules: Vec<String>,
}

/// Reads a rule file.
///
/// # Errors
/// [`Error::Leaks`] for what is not that format, is not understood, or cannot be searched for in linear time, with the rule's
/// id. Nothing of the file's text is in it but names of keys and rules.
pub(super) fn parse(source: &Source) -> Result<Leaks, Error> {
    let refused = |reason: String| Error::Leaks { name: source.name.clone(), reason };
    let file: File = toml::from_str(&source.text).map_err(|error| refused(error.message().to_owned()))?;
    if let Some(key) = file.extend.keys().next() {
        return Err(refused(format!("`extend.{key}` names rules that are not in this file; put all rules into it")));
    }
    let allowed = exceptions(file.allowlist, file.allowlists).map_err(|reason| refused(format!("its allow list {reason}")))?;
    let mut rules: Vec<LeakRule> = Vec::new();
    for (index, table) in file.rules.into_iter().enumerate() {
        let id = table.get("id").and_then(|id| id.as_str()).map_or_else(|| format!("number {}", index + 1), str::to_owned);
        let refused = |reason: String| refused(format!("rule `{id}` {reason}"));
        let rule: Rule = table.try_into().map_err(|error: toml::de::Error| refused(format!("is not understood: {}", error.message())))?;
        if rules.iter().any(|other| other.id == rule.id) {
            return Err(refused("is there twice".to_owned()));
        }
        rules.push(checked(rule).map_err(refused)?);
    }
    if let Some(id) = allowed.iter().flat_map(|allowed| &allowed.rules).find(|id| !rules.iter().any(|rule| rule.id == **id)) {
        return Err(refused(format!("its allow list is for the rule `{id}`, which is not in it")));
    }
    let pairs = || rules.iter().enumerate().flat_map(|(owner, rule)| rule.keywords.iter().map(move |word| (owner, word)));
    let keywords = AhoCorasick::builder().ascii_case_insensitive(true).build(pairs().map(|(_, word)| word));
    let keywords = keywords.map_err(|error| refused(format!("its keywords cannot be searched for: {error}")))?;
    let owners = pairs().map(|(owner, _)| owner).collect();
    Ok(Leaks { name: source.name.clone(), rules, allowed, keywords, owners })
}

fn checked(rule: Rule) -> Result<LeakRule, String> {
    if rule.id.is_empty() || (rule.regex.is_none() && rule.path.is_none()) {
        return Err("has no id, or neither `regex` nor `path`".to_owned());
    }
    if !rule.entropy.is_finite() || rule.entropy < 0.0 {
        return Err("has an `entropy` that is no number of bits".to_owned());
    }
    let regex = rule.regex.as_deref().map(Expression::new).transpose().map_err(|reason| format!("has a `regex` that {reason}"))?;
    let path = rule.path.as_deref().map(Expression::new).transpose().map_err(|reason| format!("has a `path` that {reason}"))?;
    if regex.as_ref().map_or(0, Expression::groups) < rule.secret_group {
        return Err("has a `secretGroup` that its `regex` does not have".to_owned());
    }
    Ok(LeakRule {
        id: rule.id,
        regex,
        group: rule.secret_group,
        path,
        entropy: rule.entropy,
        keywords: lower(rule.keywords),
        allowed: exceptions(rule.allowlist, rule.allowlists).map_err(|reason| format!("has an allow list that {reason}"))?,
    })
}

fn exceptions(one: Option<Allowlist>, more: Vec<Allowlist>) -> Result<Vec<Allowed>, String> {
    one.into_iter().chain(more).map(exception).collect()
}

fn exception(list: Allowlist) -> Result<Allowed, String> {
    let all = match list.condition.as_deref().unwrap_or("OR").to_ascii_uppercase().as_str() {
        "AND" | "&&" => true,
        "OR" | "||" | "" => false,
        _ => return Err("has a `condition` that is neither AND nor OR".to_owned()),
    };
    if list.commits.is_empty() && list.paths.is_empty() && list.regexes.is_empty() && list.stopwords.is_empty() {
        return Err("says nothing".to_owned());
    }
    let expressions = |texts: &[String]| -> Result<Vec<Expression>, String> {
        texts.iter().map(|text| Expression::new(text).map_err(|reason| format!("has a pattern that {reason}"))).collect()
    };
    Ok(Allowed {
        all,
        commits: !list.commits.is_empty(),
        paths: expressions(&list.paths)?,
        target: list.regex_target.unwrap_or_default(),
        regexes: expressions(&list.regexes)?,
        stopwords: lower(list.stopwords),
        rules: list.target_rules,
    })
}

fn lower(words: Vec<String>) -> Vec<String> {
    words.into_iter().map(|word| word.to_lowercase()).filter(|word| !word.is_empty()).collect()
}

/// The paths of the rule files that `layer` names; none where it cannot be read at all, which composing it tells.
pub(super) fn named_by(layer: &Source) -> Vec<String> {
    let table: Option<toml::Table> = toml::from_str(&layer.text).ok();
    let files = table.as_ref().and_then(|table| table.get("changes")?.get("secrets")?.get("files")?.as_array());
    files.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Reads the rule files that `layer` names, for the places after it. A path that is not absolute begins at the layer's folder.
///
/// # Errors
/// [`Error::Unreadable`].
pub(super) fn read(layer: &Source) -> Result<Vec<Source>, Error> {
    let folder = Path::new(&layer.name).parent().map(Path::to_owned).unwrap_or_default();
    let one = |name: String| {
        let path: PathBuf = folder.join(&name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Source { name, text }),
            Err(source) => Err(Error::Unreadable { name: path.display().to_string(), source }),
        }
    };
    named_by(layer).into_iter().map(one).collect()
}

#[cfg(test)]
mod tests;
