//! Which client addresses share a budget and a circuit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 address, or the /64 of an IPv6 one: a site is given a /64 as a whole, so that one host has all its
/// addresses (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum AddressGroup {
    V4(Ipv4Addr),
    V6([u8; 8]),
    /// Addresses that cannot be read, or all of them where they are not told apart.
    Shared,
}

impl AddressGroup {
    /// Of an address without its port.
    pub(super) fn of(address: &str) -> Self {
        // A zone (RFC 4007) says which interface, not who.
        let address = address.split('%').next().unwrap_or_default();
        match address
            .parse()
            .map(|address: IpAddr| address.to_canonical())
        {
            Ok(IpAddr::V4(address)) => Self::V4(address),
            Ok(IpAddr::V6(address)) => Self::of_v6(address),
            Err(_) => Self::Shared,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        address
            .octets()
            .first_chunk()
            .map_or(Self::Shared, |prefix| Self::V6(*prefix))
    }
}

#[cfg(test)]
mod tests {

    use super::AddressGroup;

    #[test]
    fn one_host_is_one_group_however_it_is_written() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:1:2:3", true),
            ("2001:db8::1", "2001:db8:0:0:0:0:0:9", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("fe80::1%eth0", "fe80::2", true),
            ("2001:db8::1", "192.0.2.1", false),
        ] {
            let groups = [one, other].map(AddressGroup::of);
            assert_eq!(groups[0] == groups[1], same, "{one} {other}");
            assert!(!groups.contains(&AddressGroup::Shared), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_address_shares_one_group() {
        for text in [
            "",
            "/run/envoy.sock",
            "internal",
            "192.0.2",
            "1.2.3.4.5",
            "[::1]",
        ] {
            assert_eq!(AddressGroup::of(text), AddressGroup::Shared, "{text}");
        }
    }
}
