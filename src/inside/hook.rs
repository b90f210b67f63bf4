//! The hook of Claude Code's that runs when it would stop (its documentation, "Hooks reference", `Stop`): what the gate would deny
//! is named, and the agent goes on to mend it.

use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::json;

use super::{Error, ask};
use crate::{advice::Advice, verdict::Decision};

/// An agent goes on at most so often.
pub const MOST: u32 = 2;

/// Bytes of what the hook is told; it holds the agent's last message.
const LONGEST: u64 = 8 << 20;

/// What the hook is told, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    session_id: String,
    /// Whether it goes on already because this hook said so.
    stop_hook_active: bool,
}

/// Reads what the hook is told from `from`, asks the gate, and gives what to print: nothing where the agent may stop. Whatever goes
/// wrong lets it stop: the change is judged when it has.
pub fn stop(from: impl Read) -> Option<String> {
    let mut text = Vec::new();
    from.take(LONGEST).read_to_end(&mut text).ok()?;
    let told: Told = serde_json::from_slice(&text).ok()?;
    answer(&told, &env::temp_dir(), ask)
}

fn answer(told: &Told, directory: &Path, ask: impl FnOnce() -> Result<Advice, Error>) -> Option<String> {
    let count = Count::of(told, directory)?;
    let before = count.read();
    // Who goes on by this hook's word was counted; where that is not known any more, twice is once too often.
    if before >= MOST || (told.stop_hook_active && before == 0) {
        return None;
    }
    let advice = ask().ok().filter(|advice| advice.decision == Decision::Deny)?;
    count.write(before + 1)?;
    Some(json!({ "decision": "block", "reason": reason(&advice) }).to_string())
}

fn reason(advice: &Advice) -> String {
    format!(
        "Before you end: your change would be refused when it is inspected, and then nothing of it leaves this job.\n{}\n\
         Mend that, or take it back, without working around the rule. Then end with your whole final answer once more, as if nothing \
         had come between: only your last message is read.",
        advice.text()
    )
}

/// How often this session was made to go on: a file in the agent's own directory. An agent that changes it fools itself alone.
struct Count(PathBuf);

impl Count {
    fn of(told: &Told, directory: &Path) -> Option<Self> {
        let id = &told.session_id;
        let plain = id.len() <= 100 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain.then(|| Self(directory.join(format!("tidewaiter-stop-{id}"))))
    }

    fn read(&self) -> u32 {
        match fs::read_to_string(&self.0) {
            Ok(text) => text.trim().parse().unwrap_or(MOST),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(_) => MOST,
        }
    }

    /// None where it cannot be kept: then nobody would know when to end.
    fn write(&self, count: u32) -> Option<()> {
        fs::write(&self.0, count.to_string()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;

    fn advice(decision: Decision) -> Result<Advice, Error> {
        Ok(Advice { decision, ..Advice::of(&Verdict::weigh(vec![]), false, true) })
    }

    fn told(active: bool) -> Told {
        Told { session_id: "made-up-1".to_owned(), stop_hook_active: active }
    }

    #[test]
    fn it_blocks_twice_and_never_again() {
        let place = tempfile::tempdir().unwrap();
        let deny = || advice(Decision::Deny);
        let said = answer(&told(false), place.path(), deny).unwrap();
        assert!(said.contains("\"decision\":\"block\"") && said.contains("deny: this change may not leave"), "{said}");
        assert!(answer(&told(true), place.path(), deny).is_some());
        assert_eq!(answer(&told(true), place.path(), deny), None);
        assert_eq!(answer(&told(false), place.path(), deny), None);
    }

    #[test]
    fn whatever_is_not_denied_may_stop() {
        let place = tempfile::tempdir().unwrap();
        for outcome in [advice(Decision::Pass), advice(Decision::Review), Err(Error::NoGate)] {
            assert_eq!(answer(&told(false), place.path(), || outcome), None);
        }
    }

    #[test]
    fn where_it_cannot_count_it_lets_go() {
        let place = tempfile::tempdir().unwrap();
        let never = || -> Result<Advice, Error> { panic!("asked") };
        assert_eq!(answer(&told(true), place.path(), never), None, "active, and nothing counted");
        assert_eq!(answer(&told(false), &place.path().join("gone"), || advice(Decision::Deny)), None);
        fs::write(place.path().join("tidewaiter-stop-made-up-1"), "many").unwrap();
        assert_eq!(answer(&told(false), place.path(), never), None);
        let odd = Told { session_id: "../x".to_owned(), ..told(false) };
        assert_eq!(answer(&odd, place.path(), never), None);
        for text in ["", "null", "[]", "{\"stop_hook_active\":3}", "\u{0}"] {
            assert_eq!(stop(text.as_bytes()), None, "{text}");
        }
    }
}
