//! Where an IP address lies: who may reach it depends on that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const LOOPBACK: &str = "loopback";

/// How far an address may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// By every listed host.
    Public,
    /// By hosts that the policy names as private.
    Private(&'static str),
    /// By none, whatever the policy says.
    Never(&'static str),
}

/// Where `address` lies, whatever form it has.
pub fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

/// Whether `address` is this machine's own, whatever form it has.
pub fn is_loopback(address: IpAddr) -> bool {
    class(address) == Class::Private(LOOPBACK)
}

/// By the IANA IPv4 Special-Purpose Address Registry (RFC 6890), and the metadata services of cloud providers.
fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        // AWS, Google, Azure, Oracle and others; 169.254.170.2 and .23 hand out credentials of AWS containers.
        [169, 254, 169 | 170, _] | [192, 0, 0, 192] => Class::Never("a cloud metadata service"),
        // Azure's platform address (learn.microsoft.com, "What is IP address 168.63.129.16?").
        [168, 63, 129, 16] => Class::Never("a cloud platform's own service"),
        // Alibaba Cloud.
        [100, 100, 100, 200] => Class::Never("a cloud metadata service"),
        [0, ..] => Class::Never("unspecified"),
        [224..=239, ..] => Class::Never("multicast"),
        [240..=255, ..] => Class::Never("reserved or broadcast"),
        [127, ..] => Class::Private(LOOPBACK),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private("private"),
        [169, 254, ..] => Class::Private("link-local"),
        [100, 64..=127, ..] => Class::Private("shared by carriers (100.64.0.0/10)"),
        [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => Class::Private("of a special purpose"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Private("for documentation"),
        _ => Class::Public,
    }
}

/// By the IANA IPv6 Special-Purpose Address Registry. Forms that carry an IPv4 address are as that one is.
fn class_v6(address: Ipv6Addr) -> Class {
    let words = address.segments();
    let v4 = |high: u16, low: u16| class_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match words {
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Never("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Private(LOOPBACK),
        // Mapped (RFC 4291 section 2.5.5.2), and NAT64's well-known prefix (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // Compatible (deprecated), translated, and local-use NAT64 (RFC 8215): the last may put the IPv4 part elsewhere.
        [0, 0, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] | [0x64, 0xff9b, 1, .., high, low] => {
            at_best_private(v4(high, low))
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => at_best_private(v4(high, low)),
        // AWS (instance metadata, DNS, time, pod credentials) and Google.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..] => Class::Never("a cloud metadata service"),
        [0xff00..=0xffff, ..] => Class::Never("multicast"),
        [0xfc00..=0xfdff, ..] => Class::Private("private"),
        [0xfe80..=0xfebf, ..] => Class::Private("link-local"),
        // Teredo, benchmarking, ORCHID: 2001::/23 is for protocols.
        [0x2001, 0..=0x1ff, ..] => Class::Private("of a special purpose"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Class::Private("for documentation"),
        // Global unicast (RFC 4291 section 2.4) as far as IANA has given it out; all else is not known to be public.
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Private("not public"),
    }
}

fn at_best_private(class: Class) -> Class {
    match class {
        Class::Public => Class::Private("a translated address"),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Class {
        class(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reached() {
        for text in ["8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::8.8.8.8"] {
            assert_eq!(of(text), Class::Public, "{text}");
        }
    }

    #[test]
    fn inner_addresses_need_the_policys_word() {
        for text in [
            "127.0.0.1",
            "127.0.0.11",
            "10.1.2.3",
            "172.17.0.1",
            "192.168.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "198.51.100.1",
            "192.0.2.1",
            "::1",
            "fe80::1",
            "fd12::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2002:808:808::",
            "2001::1",
            "2001:db8::1",
            "fec0::1",
            "100::1",
            "5f00::1",
            "4000::1",
        ] {
            assert!(matches!(of(text), Class::Private(_)), "{text}: {:?}", of(text));
        }
    }

    #[test]
    fn metadata_is_never_reached() {
        for text in [
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "0.0.0.0",
            "::",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "64:ff9b:1::a9fe:a9fe",
            "::169.254.169.254",
        ] {
            assert!(matches!(of(text), Class::Never(_)), "{text}: {:?}", of(text));
        }
    }
}
