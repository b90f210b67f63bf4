//! Lists that come in pages, bounded.

use hyper::HeaderMap;

/// Items on one page. GitLab allows 100; half of it keeps a page of long notes within the bound of one answer.
pub(super) const PER_PAGE: u64 = 50;
/// Pages of one list that are fetched.
pub(super) const PAGES: u64 = 20;

/// A list, oldest first where the call says nothing else.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// False: there were more than were fetched, and some in the middle or at the end are missing.
    pub complete: bool,
}

/// The page to fetch after page `current`, when `fetched` pages are here already: the next one; or, where there are more than
/// [`PAGES`] in all, one near the end, since the newest entries weigh more than those in the middle. The address of the next
/// page is never taken from the answer, only its number: the token goes nowhere else.
pub(super) fn next(headers: &HeaderMap, current: u64, fetched: u64) -> Next {
    let number = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse::<u64>().ok());
    let Some(next) = number("x-next-page").or_else(|| linked(headers)).filter(|&next| next > current) else {
        return Next::End;
    };
    if fetched >= PAGES {
        return Next::Cut;
    }
    match number("x-total-pages") {
        Some(total) if current == 1 && total > PAGES => Next::Jump(total - (PAGES - 2)),
        _ => Next::Page(next),
    }
}

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    End,
    /// This page.
    Page(u64),
    /// This page, and some before it are left out.
    Jump(u64),
    /// More, but it is enough.
    Cut,
}

/// The page number in `Link: <…?page=3&…>; rel="next"` (RFC 8288): where a proxy took the `x-` headers away.
fn linked(headers: &HeaderMap) -> Option<u64> {
    let links = headers.get(hyper::header::LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let query = next.split_once('?')?.1.split_once('>')?.0;
    query.split('&').find_map(|pair| pair.strip_prefix("page="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
    }

    #[test]
    fn the_next_page_is_read_from_either_header() {
        assert_eq!(next(&headers(&[("x-next-page", "2")]), 1, 1), Next::Page(2));
        let link = "<https://elsewhere.example/api?page=1&x=1>; rel=\"first\", <https://elsewhere.example/api?x=1&page=3>; rel=\"next\"";
        assert_eq!(next(&headers(&[("link", link)]), 2, 2), Next::Page(3));
        assert_eq!(next(&headers(&[("x-next-page", "")]), 3, 3), Next::End);
        assert_eq!(next(&headers(&[("x-next-page", "1")]), 1, 1), Next::End, "no way back, no circle");
    }

    #[test]
    fn long_lists_keep_their_end() {
        assert_eq!(next(&headers(&[("x-next-page", "2"), ("x-total-pages", "500")]), 1, 1), Next::Jump(482));
        assert_eq!(next(&headers(&[("x-next-page", "501"), ("x-total-pages", "501")]), 500, PAGES), Next::Cut);
    }
}
