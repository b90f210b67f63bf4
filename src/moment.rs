//! Points in time as web services write them (RFC 3339), as numbers that can be compared.

/// Milliseconds since 1970-01-01 UTC. None: not a moment of the years 1970 to 9999 in RFC 3339's form.
pub fn moment(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.strip_prefix(['T', ' '])?.split_at_checked(8)?;
    let [year, month, day] = fields(date, '-')?;
    let [hour, minute, second] = fields(time, ':')?;
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (thousandths, zone) = fraction(rest)?;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(seconds * 1000 + thousandths)
}

fn fields(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok()).flatten());
    let fields = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(fields)
}

/// Splits `.123Z` into its thousandths and the zone.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(rest) = rest.strip_prefix('.') else { return Some((0, rest)) };
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let digits: String = rest[..end].chars().chain("000".chars()).take(3).collect();
    Some((digits.parse().ok().filter(|_| end > 0)?, &rest[end..]))
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'Z' | b'z' => return (zone.len() == 1).then_some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    Some(sign * (number(hours).filter(|&h| h < 24)? * 3600 + number(minutes).filter(|&m| m < 60)? * 60))
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar: years begin in March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_the_same_in_every_spelling() {
        assert_eq!(moment("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(moment("2000-02-29T12:00:00.5Z"), Some(951_825_600_500));
        assert_eq!(moment("2026-11-24T14:07:14.123Z"), Some(1_795_529_234_123));
        assert_eq!(moment("2026-11-24T15:07:14.123456+01:00"), moment("2026-11-24T14:07:14.123Z"));
    }

    #[test]
    fn other_text_is_no_moment() {
        for text in [
            "",
            "now",
            "2026-11-24",
            "2026-11-24T14:07:14",
            "2026-13-24T14:07:14Z",
            "2026-11-24T24:07:14Z",
            "2026-11-24T14:07:14.Z",
            "2026-11-24T14:07:14+1",
            "+026-11-24T14:07:14Z",
            "2026-11-24T14:07:14Zed",
            "２026-11-24T14:07:14Z",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
