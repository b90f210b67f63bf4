//! Models as Bedrock's paths name them.

use super::{
    super::{Refusal, anthropic::listed_model, shown},
    lists,
};

/// The longest that Bedrock takes (`modelId` of InvokeModel).
const LONGEST: usize = 2048;

/// Ends the part of an id that says whose model it is.
const PUBLISHER: &str = "anthropic.";

/// A model that may be asked, in the one spelling that goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Model(String);

impl Model {
    /// Reads the part of a path that names a model and judges it: a request to `region` may ask those of `models`, and Bedrock may
    /// hand it on within `regions`, among which a geography stands for all of its own.
    ///
    /// Percent signs are decoded once. An id's beginning (its geography and publisher, an ARN up to its resource) decides where it
    /// is worked on and whose it is, so an entry of `models` that ends with `*` has to spell that much out.
    ///
    /// # Errors
    /// What is no id of a Claude model or has another region, what `models` does not list, and a profile that reaches past `regions`.
    pub(super) fn judge(sent: &str, region: &str, models: &[String], regions: &[String]) -> Result<Self, Refusal> {
        let id = decoded(sent).filter(|id| id.len() <= LONGEST).ok_or_else(|| odd(sent))?;
        let spelled = if id.starts_with("arn:") { arn(&id, region)? } else { plain(&id).ok_or_else(|| odd(&id))? };
        listed_model(&id, models, spelled)?;
        if let Some(geography) = geography(&id) {
            stays(&id, geography, regions)?;
        }
        Ok(Self(id))
    }

    /// As it stands in a path: all but RFC 3986's unreserved characters encoded.
    pub(super) fn encoded(&self) -> String {
        super::sign::encoded(&self.0, false)
    }
}

fn odd(sent: &str) -> Refusal {
    let forms = "an id such as `eu.anthropic.claude-…` or `anthropic.claude-…`, or an ARN of a model or an inference profile";
    Refusal::new("route/model", format!("`{}` names no Claude model of Bedrock: use {forms}", shown(sent)))
}

fn decoded(sent: &str) -> Option<String> {
    let mut bytes = sent.bytes();
    let mut out = String::new();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'/' => return None,
            byte => byte,
        };
        if !byte.is_ascii_alphanumeric() && !b"-._:/".contains(&byte) {
            return None;
        }
        out.push(char::from(byte));
    }
    Some(out)
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

/// The geography in which a profile is worked on, where its id tells one. That of an application's own profile tells none.
fn geography(id: &str) -> Option<&str> {
    let name = id.rsplit('/').next().unwrap_or(id);
    let (geography, _) = name.split_once('.').filter(|_| plain(name).is_some())?;
    (geography != PUBLISHER.trim_end_matches('.')).then_some(geography)
}

/// Judges whether a profile of `geography` is worked on in the policy's `regions` alone.
fn stays(id: &str, geography: &str, regions: &[String]) -> Result<(), Refusal> {
    let is_listed = |name: &str| regions.iter().any(|listed| listed == name);
    let known = lists::GEOGRAPHIES.iter().find(|(name, _)| *name == geography).map(|(_, reached)| *reached);
    if is_listed(geography) || known.is_some_and(|reached| reached.iter().all(|region| is_listed(region))) {
        return Ok(());
    }
    let past: Vec<&str> = known.unwrap_or_default().iter().copied().filter(|region| !is_listed(region)).collect();
    let past = if past.is_empty() { "regions that are not known here".to_owned() } else { past.join(", ") };
    let (id, geography) = (shown(id), shown(geography));
    let why = format!(
        "Bedrock may hand requests to `{id}` on to {past}, which the policy does not list; a policy that lets it says `{geography}` in network.route.regions, behind the regions"
    );
    Err(Refusal::new("route/region", why))
}

/// Bytes of `[GEOGRAPHY.]anthropic.` before a name; none where it is no such id.
fn plain(id: &str) -> Option<usize> {
    let start = id.find(PUBLISHER)?;
    let (before, name) = (&id[..start], &id[start + PUBLISHER.len()..]);
    let geography = before.strip_suffix('.').unwrap_or(before);
    let is_word = !geography.is_empty() && geography.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let sound = before.is_empty() || (before.ends_with('.') && is_word);
    (sound && is_name(name)).then_some(start + PUBLISHER.len())
}

fn is_name(name: &str) -> bool {
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    begins && !name.contains('/') && !name.contains("..")
}

/// Bytes of `arn:PARTITION:bedrock:REGION:ACCOUNT:KIND/` before a name (docs.aws.amazon.com/IAM, "Amazon resource names").
fn arn(id: &str, region: &str) -> Result<usize, Refusal> {
    let parts: Vec<&str> = id.splitn(6, ':').collect();
    let ["arn", partition, "bedrock", own, account, resource] = parts[..] else { return Err(odd(id)) };
    if own != region {
        let why = format!("the model `{}` is of the region `{}`, but the request goes to `{region}`", shown(id), shown(own));
        return Err(Refusal::new("route/region", why));
    }
    let (kind, name) = resource.split_once('/').ok_or_else(|| odd(id))?;
    let sound = partition.starts_with("aws") && account.bytes().all(|b| b.is_ascii_digit());
    match lists::RESOURCES.iter().find(|(known, _)| *known == kind) {
        Some((_, true)) if sound && plain(name).is_some() => Ok(id.len() - name.len() + plain(name).unwrap_or_default()),
        Some((_, false)) if sound && is_name(name) => Ok(id.len() - name.len()),
        _ => Err(odd(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/";

    fn judge(sent: &str, models: &[&str]) -> Result<String, &'static str> {
        let models: Vec<String> = models.iter().map(|model| (*model).to_owned()).collect();
        Model::judge(sent, "eu-central-1", &models, &["eu-central-1".to_owned(), "eu".to_owned()])
            .map(|model| model.encoded())
            .map_err(|refusal| refusal.rule)
    }

    #[test]
    fn every_spelling_of_an_id_becomes_one() {
        let sent = "eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0";
        for spelling in [sent, "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "%65u.anthropic.claude-sonnet-4-5-20250929-v1%3a0"] {
            assert_eq!(judge(spelling, &["eu.anthropic.claude-sonnet-*"]).as_deref(), Ok(sent), "{spelling}");
        }
        let arn = format!("{}abc123", ARN.replace('/', "%2F"));
        assert_eq!(judge(&arn, &[&format!("{ARN}abc123")]).unwrap(), arn.replace(':', "%3A"));
    }

    #[test]
    fn what_is_no_id_of_a_claude_model_is_refused() {
        for sent in [
            "",
            "claude-opus-4-8",
            "anthropic.",
            "anthropic..claude",
            "anthropic.claude%252F",
            "anthropic.claude%2",
            "anthropic.claude%zz",
            "anthropic.claude%+2",
            "anthropic.claude%00",
            "anthropic.claude%0d%0a",
            "anthropic.claude%c3%a9",
            "anthropic.claude;x",
            "anthropic.claude%2f..%2fx",
            "anthropic.claude%2finvoke",
            "..",
            "%2e%2e",
            ".anthropic.claude",
            "EU.anthropic.claude",
            "evil.example.anthropic.claude",
            "meta.llama3",
            "arn:aws:bedrock:eu-central-1:123456789012:imported-model%2Fabc",
            "arn:aws:bedrock:eu-central-1:123456789012:prompt%2Fanthropic.claude",
            "arn:aws:sagemaker:eu-central-1:123456789012:endpoint%2Fanthropic.claude",
            "arn:aws:bedrock:eu-central-1:x:application-inference-profile%2Fabc",
            "arn:aws:bedrock:eu-central-1::foundation-model%2Fmeta.llama3",
            "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile%2Fabc%2Fdef",
            "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc",
        ] {
            assert_eq!(judge(sent, &["*", "anthropic.*", "eu.anthropic.*", "arn:aws:bedrock:*", ARN]), Err("route/model"), "{sent}");
        }
        assert_eq!(judge(&format!("anthropic.{}", "a".repeat(2048)), &["anthropic.*"]), Err("route/model"));
    }

    #[test]
    fn an_entry_spells_out_where_a_model_is_worked_on() {
        let profile = format!("{}abc", ARN.replace('/', "%2F"));
        for (sent, entry, fine) in [
            ("eu.anthropic.claude-a", "eu.anthropic.claude-a", true),
            ("eu.anthropic.claude-a", "eu.anthropic.*", true),
            ("eu.anthropic.claude-a", "eu.*", false),
            ("eu.anthropic.claude-a", "*", false),
            ("eu.anthropic.claude-a", "anthropic.claude-*", false),
            ("global.anthropic.claude-a", "eu.anthropic.*", false),
            ("global.anthropic.claude-a", "*", false),
            ("anthropic.claude-a", "anthropic.claude-*", true),
            ("anthropic.claude-a", "eu.anthropic.claude-*", false),
            ("anthropic.claude-a", "claude-*", false),
            (&profile, &format!("{ARN}*"), true),
            (&profile, "arn:aws:bedrock:eu-central-1:123456789012:*", false),
            (&profile, "*", false),
            (
                "arn:aws:bedrock:eu-central-1::foundation-model%2Fanthropic.claude-a",
                "arn:aws:bedrock:eu-central-1::foundation-model/*",
                false,
            ),
            (
                "arn:aws:bedrock:eu-central-1::foundation-model%2Fanthropic.claude-a",
                "arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-*",
                true,
            ),
        ] {
            assert_eq!(judge(sent, &[entry]).is_ok(), fine, "{sent} by {entry}");
        }
        assert_eq!(judge("anthropic.claude-a", &[]), Err("route/model"));
    }

    #[test]
    fn a_profile_stays_in_the_regions_of_the_policy() {
        let eu = lists::GEOGRAPHIES.iter().find(|(name, _)| *name == "eu").unwrap().1;
        let all_but_one = &eu[..eu.len() - 1];
        let arn = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-a";
        for (id, regions, fine) in [
            ("anthropic.claude-a", &["eu-central-1"][..], true),
            ("eu.anthropic.claude-a", &["eu-central-1", "eu"], true),
            ("eu.anthropic.claude-a", eu, true),
            ("eu.anthropic.claude-a", all_but_one, false),
            ("eu.anthropic.claude-a", &["eu-central-1"], false),
            ("eu.anthropic.claude-a", &["eu-central-1", "us", "global"], false),
            ("us.anthropic.claude-a", eu, false),
            ("global.anthropic.claude-a", eu, false),
            ("global.anthropic.claude-a", &["eu-central-1", "global"], true),
            ("moon.anthropic.claude-a", eu, false),
            ("us-gov.anthropic.claude-a", &["us-gov-west-1", "us-gov-east-1"], true),
            (arn, &["eu-central-1", "eu"], true),
            (arn, &["eu-central-1"], false),
            ("arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abc", &["eu-central-1"], true),
        ] {
            let regions: Vec<String> = regions.iter().map(|region| (*region).to_owned()).collect();
            let judged = Model::judge(&id.replace('/', "%2F"), "eu-central-1", &[id.to_owned()], &regions);
            assert_eq!(
                judged.as_ref().map(|_| ()).map_err(|refusal| refusal.rule),
                if fine { Ok(()) } else { Err("route/region") },
                "{id} {regions:?}"
            );
        }
    }

    #[test]
    fn an_arn_of_another_region_is_refused() {
        let elsewhere = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-a";
        assert_eq!(judge(&elsewhere.replace('/', "%2F"), &[elsewhere]), Err("route/region"));
    }
}
