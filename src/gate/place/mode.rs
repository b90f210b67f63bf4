//! What a path is: file, link, submodule, or something that no tree can hold.

use super::target::{Target, resolve};
use crate::{
    gate::{
        Error, Fact, Oddity, Op,
        finding::{Judge, Way},
    },
    git::{Mode, shown},
};

/// A link's text is a path (PATH_MAX, limits.h).
const LINK: u64 = 4096;

pub(super) fn judge(judge: &mut Judge<'_>) -> Result<(), Error> {
    let executable = &judge.policy.executable;
    for fact in judge.facts() {
        if let Some(oddity) = &fact.oddity {
            odd(judge, fact, oddity);
        }
        gitlink(judge, fact);
        let Some(new) = fact.new else { continue };
        let old = fact.old.map(|entry| entry.mode);
        match new.mode {
            Mode::Symlink => link(judge, fact)?,
            Mode::Executable if old != Some(Mode::Executable) && fact.oddity.is_none() && !executable.names(&fact.path) => {
                let step = "take it out of the change, or add the path to changes.executable";
                judge.find("mode/exec", &fact.path, "this file becomes executable".to_owned(), Way::Step(step));
            }
            Mode::Odd(number) if fact.op() != Op::Modify => {
                judge.block("mode/special", &fact.path, format!("git knows no mode {number:06o}"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn odd(judge: &mut Judge<'_>, fact: &Fact, oddity: &Oddity) {
    let path = &fact.path;
    match oddity {
        Oddity::Special(what) => judge.block("mode/special", path, format!("this is {what}")),
        Oddity::Repository => judge.block("git/directory", path, "this is a git repository inside the workspace".to_owned()),
        Oddity::Name => judge.block("git/directory", path, "git takes this name in no tree".to_owned()),
        Oddity::Submodule => judge.find("mode/gitlink", path, "the place of this submodule holds something else".to_owned(), Way::Never),
        Oddity::Filter(name) => {
            let message = format!("the filter {} would have to convert this file; no filter is run here", shown(name.as_bytes()));
            judge.find("content/filter", path, message, Way::Step("take it out of the change"));
        }
        Oddity::Encoding(name) => {
            let message = format!("this file has the working-tree-encoding {}, which is not converted", shown(name.as_bytes()));
            judge.find("content/encoding", path, message, Way::Step("take it out of the change"));
        }
    }
}

fn gitlink(judge: &mut Judge<'_>, fact: &Fact) {
    let is = |entry: Option<crate::git::Entry>| entry.is_some_and(|entry| entry.mode == Mode::Gitlink);
    if fact.oddity.is_none() && (is(fact.old) || is(fact.new)) {
        judge.find("mode/gitlink", &fact.path, "this adds, moves or removes a submodule".to_owned(), Way::Rule);
    }
}

fn link(judge: &mut Judge<'_>, fact: &Fact) -> Result<(), Error> {
    let (change, blobs) = (judge.change, judge.blobs);
    let Some(entry) = fact.new else { return Ok(()) };
    let text = blobs.blob(entry.id, LINK)?;
    let read = |path: &[u8]| match change.after().get(path) {
        Some(entry) => blobs.blob(entry.id, LINK),
        None => Ok(vec![]),
    };
    let found = resolve(change.after(), &fact.path, &text, read)?;
    let folder = [fact.path.as_slice(), b"/"].concat();
    let replaces_folder = change.before().range(folder.clone()..).next().is_some_and(|(path, _)| path.starts_with(&folder));
    let to = shown(&text);
    let what = match found {
        Target::Inside if replaces_folder => "takes the place of a folder",
        Target::Inside => {
            judge.find("mode/symlink", &fact.path, format!("this is a symbolic link to {to}"), Way::Rule);
            return Ok(());
        }
        Target::Absolute => "leads to an absolute path",
        Target::Outside => "leads out of the repository",
        Target::Git => "leads into a git directory",
        Target::Dangling => "leads to nothing",
    };
    judge.block("mode/symlink", &fact.path, format!("this symbolic link {what}: {to}"));
    Ok(())
}
