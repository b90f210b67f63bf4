//! Where a line names a host.

/// How a host is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// With a scheme, as in `https://name/path`.
    Url,
    /// Behind an `@`.
    Mail,
    /// As a whole text in quotes.
    Quoted,
    /// Behind two slashes with no scheme before them: the page's own is meant.
    Slashes,
    /// A beginning of `http` in base64.
    Encoded,
}

/// A host as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mention<'a> {
    pub(super) form: Form,
    /// Without port, in the case that it has.
    pub(super) host: &'a str,
    /// What follows the host.
    pub(super) path: &'a str,
    /// Whether something stands before the host that a reader takes for it, as in `https://good.example@evil.example`.
    pub(super) has_user: bool,
    /// Where it begins in the line.
    pub(super) at: usize,
}

/// `http://` and `https://` in base64, at the beginning of what is encoded.
const ENCODED: [&str; 2] = ["aHR0cHM6Ly", "aHR0cDovL"];

/// Characters that end the part of an address in which the host stands.
fn ends_authority(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>' | ')' | '(' | ',' | ';' | '\\' | '|' | '^')
}

/// Every host that `line` names.
pub(super) fn mentions(line: &str) -> Vec<Mention<'_>> {
    let mut found = Vec::new();
    if line.contains("://") {
        found.extend(line.match_indices("://").filter_map(|(at, mark)| behind(line, at, mark)));
    }
    if line.contains(":\\/\\/") {
        found.extend(line.match_indices(":\\/\\/").filter_map(|(at, mark)| behind(line, at, mark)));
    }
    if line.contains("//") {
        found.extend(line.match_indices("//").filter_map(|(at, _)| schemeless(line, at)));
    }
    if line.contains('@') {
        let in_url = |at: usize| {
            line.get(..at)
                .and_then(|text| text.rfind("://").map(|start| &text[start + 3..]))
                .is_some_and(|text| !text.contains(ends_authority))
        };
        found.extend(line.match_indices('@').filter(|(at, _)| !in_url(*at)).filter_map(|(at, _)| mail(line, at)));
    }
    if line.contains(['"', '\'', '`']) {
        found.extend(quoted(line));
    }
    if line.contains("aHR0c") {
        found.extend(ENCODED.iter().filter_map(|start| {
            let at = line.find(start)?;
            Some(Mention {
                form: Form::Encoded,
                host: line.get(at..)?.split(|sign: char| !sign.is_ascii_alphanumeric()).next()?,
                path: "",
                has_user: false,
                at,
            })
        }));
    }
    found
}

/// The host behind `mark`, which stands at `at` and divides it from the scheme.
fn behind<'a>(line: &'a str, at: usize, mark: &str) -> Option<Mention<'a>> {
    let scheme = line.get(..at)?.rsplit(|sign: char| !(sign.is_ascii_alphanumeric() || matches!(sign, '+' | '.' | '-'))).next()?;
    if scheme.len() < 2
        || matches!(scheme, "file" | "unix" | "about" | "chrome" | "data" | "jar" | "classpath" | "asset" | "app" | "vscode")
    {
        return None;
    }
    let rest = line.get(at + mark.len()..)?;
    let end = rest.find(ends_authority).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    let host = without_port(behind_template(host)?);
    let has_user = !user.is_empty() && user.contains('.') && !user.contains(['{', '$', '%']);
    let at = at.saturating_sub(scheme.len());
    (!host.is_empty()).then_some(Mention { form: Form::Url, host, path, has_user, at })
}

/// The host behind the two slashes at `at`. A comment begins with them as well, but with no quote, bracket or equals sign
/// directly before and no name of a host directly behind.
fn schemeless(line: &str, at: usize) -> Option<Mention<'_>> {
    if !line.get(..at)?.ends_with(['"', '\'', '`', '(', '=']) {
        return None;
    }
    let rest = line.get(at + 2..)?;
    let (authority, path) = rest.split_at(rest.find(ends_authority).unwrap_or(rest.len()));
    let host = without_port(authority);
    let last = host.rsplit('.').next()?;
    let is_name = || {
        let fits = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
        fits && last.len() >= 2 && last.bytes().all(|b| b.is_ascii_alphabetic())
    };
    let sound = host.contains('.') && !host.starts_with('.') && (is_name() || host.parse::<std::net::Ipv4Addr>().is_ok());
    sound.then_some(Mention { form: Form::Slashes, host, path, has_user: false, at })
}

/// The part of a host that stands fast where a program fills in the rest: `{}.name.example` is somewhere below it.
fn behind_template(host: &str) -> Option<&str> {
    if host.starts_with('[') {
        return Some(host.split_inclusive(']').next().unwrap_or(host));
    }
    if !host.contains(['{', '}', '$', '%', '*', '[']) {
        return Some(host);
    }
    let fixed = host.rfind(['}', ']', '*']).and_then(|at| host.get(at + 1..)).or_else(|| host.rsplit_once("%s").map(|(_, rest)| rest))?;
    fixed.strip_prefix('.').filter(|rest| rest.contains('.'))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        Some((name, _)) if !host.starts_with('[') => name.split(':').next().unwrap_or(name),
        _ => host,
    }
}

fn mail(line: &str, at: usize) -> Option<Mention<'_>> {
    let before = line.get(..at)?;
    let user = before.rsplit(|sign: char| !(sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_' | '%' | '+' | '-'))).next()?;
    let rest = line.get(at + 1..)?;
    let end = rest.find(|sign: char| !(sign.is_alphanumeric() || matches!(sign, '.' | '-'))).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host = host.trim_end_matches(['.', '-']);
    let last = host.rsplit('.').next()?;
    let sound = !user.is_empty() && host.contains('.') && last.len() >= 2 && last.bytes().all(|b| b.is_ascii_alphabetic());
    sound.then_some(Mention { form: Form::Mail, host, path, has_user: false, at })
}

/// Last parts of names that are hardly anything else when a whole text in quotes ends with them.
const COMMON: &[&str] = &["com", "net", "org", "xyz", "top", "ru", "cn", "info", "biz", "site", "online", "club", "onion", "tk", "pw"];

fn quoted(line: &str) -> impl Iterator<Item = Mention<'_>> {
    let mut at = 0;
    line.split(['"', '\'', '`']).filter_map(move |text| {
        let start = at;
        at += text.len() + 1;
        let host = without_port(text);
        let last = host.rsplit('.').next().unwrap_or_default();
        let is_name = || {
            COMMON.contains(&last)
                && host.contains('.')
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
                && !host.starts_with('.')
        };
        let is_address = || host.bytes().filter(|b| *b == b'.').count() == 3 && host.parse::<std::net::Ipv4Addr>().is_ok();
        (start > 0 && (4..254).contains(&host.len()) && (is_name() || is_address())).then_some(Mention {
            form: Form::Quoted,
            host,
            path: "",
            has_user: false,
            at: start,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(line: &str) -> Vec<&str> {
        mentions(line).into_iter().map(|mention| mention.host).collect()
    }

    #[test]
    fn hosts_are_found_in_every_form() {
        for (line, expected) in [
            ("fetch(\"https://api.evil.example/x?y\")", vec!["api.evil.example"]),
            ("u = 'HTTP://Evil.Example:8080'", vec!["Evil.Example"]),
            ("wss://a.example:443/x http://[2001:db8::1]:80/", vec!["a.example", "[2001:db8::1]"]),
            ("https://good.example@evil.example/", vec!["evil.example"]),
            ("https://user:pw@evil.example/", vec!["evil.example"]),
            ("`https://${data}.evil.example/`", vec!["evil.example"]),
            ("f'https://{x}.evil.example'", vec!["evil.example"]),
            ("\"https://%s.evil.example\"", vec!["evil.example"]),
            ("send('x@evil.example')", vec!["evil.example"]),
            ("git@git.example:a/b", vec!["git.example"]),
            ("connect(\"evil.com\", 80)", vec!["evil.com"]),
            ("dial('203.0.113.9:4444')", vec!["203.0.113.9"]),
            ("atob('aHR0cHM6Ly9ldmls')", vec!["aHR0cHM6Ly9ldmls"]),
            ("http://0x7f000001/", vec!["0x7f000001"]),
            ("\"https:\\/\\/evil.example\\/x\"", vec!["evil.example"]),
            ("fetch(\"//evil.example/x.js\")", vec!["evil.example"]),
            ("<script src=//evil.example:8443/x.js>", vec!["evil.example"]),
            ("import('//203.0.113.9/x')", vec!["203.0.113.9"]),
            ("background: url(//evil.example/x.png)", vec!["evil.example"]),
        ] {
            assert_eq!(hosts(line), expected, "{line}");
        }
        assert!(mentions("https://good.example@evil.example/")[0].has_user);
        assert!(!mentions("https://user:pw@evil.example/")[0].has_user);
    }

    #[test]
    fn what_names_no_host_is_not_taken_for_one() {
        for line in [
            "https://${host}/x",
            "https://{}:{}/",
            "format!(\"http://{address}/\")",
            "@decorator",
            "import '@scope/pkg'",
            "\"1.2.3\"",
            "a://b",
            "file:///etc/hosts",
            "x = 1; //evil.example is not named here",
            "// see a.b",
            "find(\"//div[@class]\")",
            "if (x) { //self.y",
            "\"//\"",
            "x = \"os.path\"",
            "'/com'",
        ] {
            assert!(hosts(line).iter().all(|host| !host.contains('.')), "{line}: {:?}", hosts(line));
        }
    }
}
