//! Sizes and times as people write them.

use std::time::Duration;

use super::file::Size;

/// Bytes: a whole number, or one with `K`, `M` or `G` (powers of 1024; `KiB`, `MiB`, `GiB` mean the same).
pub(super) fn bytes(size: &Size) -> Result<u64, String> {
    let units = [("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    read(size, &units, "a number of bytes such as 4096, \"64K\", \"10M\" or \"1G\"")
}

/// Dollars, as millionths of one.
pub(super) fn micro_usd(usd: f64) -> Result<u64, &'static str> {
    let micro = (usd * 1e6).round();
    // As many as a float holds exactly.
    if !(1.0..=2f64.powi(53)).contains(&micro) {
        return Err("must be a number of US dollars such as 5 or 0.5, above zero");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds above")]
    Ok(micro as u64)
}

/// A time: seconds, or a number with `s`, `m` or `h`.
pub(super) fn time(size: &Size) -> Result<Duration, String> {
    read(size, &[("s", 1), ("m", 60), ("h", 3600)], "a time such as 90, \"90s\", \"45m\" or \"2h\"").map(Duration::from_secs)
}

fn read(size: &Size, units: &[(&str, u64)], wanted: &str) -> Result<u64, String> {
    let refused = || format!("must be {wanted}, above zero");
    let number = match size {
        Size::Number(number) => Some(*number),
        Size::Text(text) => {
            let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let unit = &text[digits.len()..];
            let factor = units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
            digits.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor))
        }
    };
    number.filter(|&number| number > 0).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_mean_what_they_say() {
        assert_eq!(bytes(&Size::Text("2K".into())), Ok(2048));
        assert_eq!(bytes(&Size::Number(7)), Ok(7));
        assert_eq!(time(&Size::Text("2h".into())), Ok(Duration::from_secs(7200)));
    }

    #[test]
    fn dollars_are_exact() {
        assert_eq!((micro_usd(5.0), micro_usd(0.1), micro_usd(0.000_001)), (Ok(5_000_000), Ok(100_000), Ok(1)));
        for usd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 0.000_000_1] {
            assert!(micro_usd(usd).is_err(), "{usd}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "K", "1X", "-1", "1.5M", "0", "99999999999999999999", "18446744073709551615G", "5"] {
            assert!(bytes(&Size::Text(text.into())).is_err(), "{text}");
        }
        assert!(time(&Size::Number(0)).is_err());
    }
}
