//! A range of loopback ports on which nobody listens: the agent's own, for the project's test servers.

use std::{collections::BTreeSet, fs, io, path::PathBuf};

/// How many ports the range has.
pub const WIDTH: u16 = 1024;

/// The kernel's own range of ephemeral ports. A socket's range is only ever cut out of it (ip(7), `IP_LOCAL_PORT_RANGE`), so
/// the agent's range lies in it too.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// No range was found, or the kernel's tables cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table of sockets.
    #[error("{path}: {source}")]
    Table {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// All taken.
    #[error("no {WIDTH} neighbouring ports between {0} and {1} ({EPHEMERAL}) are free on loopback")]
    Taken(u16, u16),
}

/// The first and the last port of a range that nothing in this network namespace uses now.
///
/// # Errors
/// When there is none.
pub fn free_range() -> Result<(u16, u16), Error> {
    let mut used = BTreeSet::new();
    for path in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match read(path) {
            Ok(table) => used.extend(listening_ports(&table)),
            // A kernel without IPv6 has no second table.
            Err(Error::Table { source, .. }) if source.kind() == io::ErrorKind::NotFound && path.ends_with('6') => {}
            Err(error) => return Err(error),
        }
    }
    let (low, high) = bounds(&read(EPHEMERAL)?);
    choose(&used, low, high).ok_or(Error::Taken(low, high))
}

fn read(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Table { path: path.into(), source })
}

/// The two numbers of the kernel's range; nonsense leaves no room at all.
fn bounds(text: &str) -> (u16, u16) {
    let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// `TCP_LISTEN` as the kernel's table writes it.
const LISTENING: &str = "0A";

/// The local ports on which a table in the form of proc(5), `/proc/net/tcp`, has somebody listening. Ports of connections do
/// not count: nobody can be reached there.
fn listening_ports(table: &str) -> impl Iterator<Item = u16> + '_ {
    table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, state) = (fields.next()?, fields.nth(1)?);
        (state == LISTENING).then(|| u16::from_str_radix(local.rsplit(':').next()?, 16).ok())?
    })
}

fn choose(used: &BTreeSet<u16>, low: u16, high: u16) -> Option<(u16, u16)> {
    let lasts = std::iter::successors(Some(high), |last| last.checked_sub(WIDTH));
    let ranges = lasts.map_while(|last| Some((last.checked_sub(WIDTH - 1)?, last))).take_while(|(first, _)| *first >= low.max(1024));
    ranges.into_iter().find(|(first, last)| used.range(first..=last).next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_used_range_is_passed_over() {
        assert_eq!(choose(&BTreeSet::new(), 32_768, 60_999), Some((59_976, 60_999)));
        assert_eq!(choose(&BTreeSet::from([60_000]), 32_768, 60_999), Some((58_952, 59_975)));
        assert_eq!(choose(&(32_768..60_999).step_by(512).collect(), 32_768, 60_999), None);
        assert_eq!(choose(&BTreeSet::new(), 60_000, 60_999), None);
        assert_eq!(bounds("32768\t60999\n"), (32_768, 60_999));
        assert_eq!(choose(&BTreeSet::new(), bounds("").0, bounds("").1), None);
    }

    #[test]
    fn the_table_is_read_as_the_kernel_writes_it() {
        let table = "  sl  local_address rem_address\n   0: 0100007F:1F90 00000000:0000 0A\n   1: 00000000000000000000000001000000:2800 x:0 0A\n   2: 0100007F:1F91 0100007F:1F90 06\n";
        assert_eq!(listening_ports(table).collect::<Vec<_>>(), [8080, 10_240]);
    }
}
