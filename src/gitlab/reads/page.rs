//! Lists in pages after something was taken out of them, and the addresses of other pages.

use super::{Read, Refusal, list::PAGES};
use crate::http::Endpoint;

/// Pages of 100 that are fetched to make a list of.
pub const MAX_PAGES: u64 = 20;

/// Which part of a whole list is wanted (GitLab's "Offset-based pagination").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: usize,
    /// Entries on one.
    pub size: usize,
}

impl Page {
    /// Takes the page's parameters out of a query, for which those of a fetch of everything can be put.
    pub(super) fn take(pairs: &mut Vec<(String, String)>) -> Result<Self, Refusal> {
        let number = |name: &str, default: usize| match pairs.iter().find(|(own, _)| own == name) {
            None => Ok(default),
            Some((_, text)) => match text.parse::<u32>() {
                Ok(value) if value > 0 => Ok(usize::try_from(value).unwrap_or(usize::MAX)),
                _ => Err(Refusal::new("gitlab/query", format!("`{name}` is not a positive number"))),
            },
        };
        let page = Self { number: number("page", 1)?, size: number("per_page", 20)?.min(100) };
        pairs.retain(|(name, _)| !PAGES.contains(&name.as_str()));
        Ok(page)
    }

    /// This page of `items`, and the fields that tell of it, as GitLab sets them.
    pub fn cut<T>(self, items: Vec<T>) -> (Vec<T>, [(&'static str, String); 6]) {
        let (total, pages) = (items.len(), items.len().div_ceil(self.size).max(1));
        let other = |number: usize| if (1..=pages).contains(&number) { number.to_string() } else { String::new() };
        let fields = [
            ("x-page", self.number.to_string()),
            ("x-per-page", self.size.to_string()),
            ("x-prev-page", other(self.number - 1)),
            ("x-next-page", other(self.number.saturating_add(1))),
            ("x-total", total.to_string()),
            ("x-total-pages", pages.to_string()),
        ];
        let before = (self.number - 1).saturating_mul(self.size);
        (items.into_iter().skip(before).take(self.size).collect(), fields)
    }
}

/// A `Link` field (RFC 8288) of GitLab's at `far`, as the agent can follow it: the addresses are the gateway's, at `near`, with
/// only the parameters that `read` lists. What leads elsewhere is left out, and so is the last page, which tells of a total.
pub fn link(value: &str, far: &Endpoint, near: &str, read: &Read) -> Option<String> {
    let base = format!("{far}/api/v4/");
    let links: Vec<String> = value
        .split(", ")
        .filter_map(|link| {
            let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
            let relation = ["next", "prev", "first"].into_iter().find(|name| rest.contains(&format!("rel=\"{name}\"")))?;
            let (path, query) = address.strip_prefix(&base)?.split_once('?')?;
            let name = |pair: &&str| pair.split('=').next().unwrap_or_default().replace("%5B%5D", "[]");
            let listed = |pair: &&str| read.query.contains(&name(pair).as_str()) || PAGES.contains(&name(pair).as_str());
            let query: Vec<&str> = query.split('&').filter(listed).collect();
            Some(format!("<{near}/api/v4/{path}?{}>; rel=\"{relation}\"", query.join("&")))
        })
        .collect();
    (!links.is_empty()).then(|| links.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{super::READS, *};

    #[test]
    fn pages_tell_of_what_is_left_alone() {
        let page = Page { number: 2, size: 2 };
        let (items, fields) = page.cut(vec![1, 2, 3]);
        assert_eq!(items, [3]);
        assert_eq!(fields.map(|(_, value)| value), ["2", "2", "1", "", "3", "2"]);
        assert_eq!(Page { number: 9, size: 2 }.cut(vec![1]).0, [0; 0]);
    }

    #[test]
    fn links_lead_back_to_the_gateway() {
        let read = READS.iter().find(|read| read.path == "repository/tree").unwrap();
        let far = Endpoint::parse("https://git.example/x").unwrap();
        let sent = "<https://git.example/x/api/v4/projects/42/repository/tree?id=42&page_token=a&per_page=20&ref=main>; rel=\"next\", \
                    <https://git.example/x/api/v4/projects/42/repository/tree?page=9>; rel=\"last\", \
                    <https://evil.example/api/v4/projects/42?page=1>; rel=\"first\"";
        assert_eq!(
            link(sent, &far, "http://127.0.0.1:1/gitlab", read).unwrap(),
            "<http://127.0.0.1:1/gitlab/api/v4/projects/42/repository/tree?page_token=a&per_page=20&ref=main>; rel=\"next\""
        );
        assert_eq!(link("garbage", &far, "http://127.0.0.1:1/gitlab", read), None);
    }
}
