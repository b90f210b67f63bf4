//! Whether an address that somebody connects to lies outside of loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads a `struct sockaddr` (ip(7), ipv6(7)) and tells the address if it is one outside. What is no internet address, and
/// what the kernel will refuse by itself, is none.
pub fn address(sockaddr: &[u8]) -> Option<SocketAddr> {
    // Connecting to the unspecified address reaches this host, by loopback.
    internet(sockaddr).filter(|to| !to.ip().is_loopback() && !to.ip().is_unspecified())
}

/// The address if it is one of loopback.
pub fn loopback(sockaddr: &[u8]) -> Option<SocketAddr> {
    internet(sockaddr).filter(|to| to.ip().is_loopback() || to.ip().is_unspecified())
}

fn internet(sockaddr: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(*sockaddr.first_chunk()?));
    let port = u16::from_be_bytes(sockaddr.get(2..4)?.try_into().ok()?);
    let address: IpAddr = match family {
        libc::AF_INET => Ipv4Addr::from(<[u8; 4]>::try_from(sockaddr.get(4..8)?).ok()?).into(),
        libc::AF_INET6 => Ipv6Addr::from(<[u8; 16]>::try_from(sockaddr.get(8..24)?).ok()?).into(),
        _ => return None,
    };
    Some(SocketAddr::new(address.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockaddr(family: i32, port: u16, rest: &[u8]) -> Vec<u8> {
        let family = u16::try_from(family).unwrap().to_ne_bytes();
        [&family[..], &port.to_be_bytes(), rest].concat()
    }

    #[test]
    fn only_internet_addresses_off_loopback_are_outside() {
        let v6 = |address: &str| [&[0; 4][..], &address.parse::<Ipv6Addr>().unwrap().octets()].concat();
        for (sockaddr, expected) in [
            (sockaddr(libc::AF_INET, 443, &[198, 51, 100, 7]), Some("198.51.100.7:443")),
            (sockaddr(libc::AF_INET6, 53, &v6("2001:db8::1")), Some("[2001:db8::1]:53")),
            (sockaddr(libc::AF_INET6, 80, &v6("::ffff:198.51.100.7")), Some("198.51.100.7:80")),
            (sockaddr(libc::AF_INET, 1, &[127, 0, 0, 11]), None),
            (sockaddr(libc::AF_INET, 1, &[0, 0, 0, 0]), None),
            (sockaddr(libc::AF_INET6, 1, &v6("::1")), None),
            (sockaddr(libc::AF_INET6, 1, &v6("::ffff:127.0.0.1")), None),
            (sockaddr(libc::AF_UNIX, 0, b"/run/x"), None),
            (sockaddr(libc::AF_UNSPEC, 0, &[0; 12]), None),
            (sockaddr(libc::AF_INET, 1, &[198]), None),
            (vec![], None),
        ] {
            assert_eq!(address(&sockaddr).map(|address| address.to_string()).as_deref(), expected, "{sockaddr:?}");
            assert!(expected.is_none() || loopback(&sockaddr).is_none(), "{sockaddr:?}");
        }
    }
}
