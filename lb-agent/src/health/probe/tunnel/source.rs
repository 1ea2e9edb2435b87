//! What a server is asked from: an address of this host's own, never one that it has borrowed.
//!
//! A server has virtual addresses on itself: a packet from one of them is answered to itself. Which of an
//! interface's addresses are virtual nobody says. Those that VRRP sets are newer than the host's own, /32
//! or /128 without a network as a rule, and the latter deprecated. The kernel lists the newest IPv6
//! address first, and of equal ones takes that as source.

use std::net::IpAddr;

use crate::net::address::Address;

/// The source for which the kernel has chosen `routed`, on an interface with these addresses (none where
/// nobody has looked).
pub(super) fn preferred(here: &[Address], routed: IpAddr, virtual_address: IpAddr) -> IpAddr {
    let is_link_local = match routed {
        IpAddr::V4(_) => false,
        IpAddr::V6(routed) => routed.is_unicast_link_local(),
    };
    let is_here = here.iter().any(|it| it.address.addr() == routed);
    // IPv4's oldest comes first, and of another interface it is what the operator's routes say.
    let is_good = routed.is_ipv4() || is_link_local || !is_here;
    if is_good && routed != virtual_address {
        return routed;
    }
    own(here, Some(routed), routed.is_ipv4(), virtual_address).unwrap_or(routed)
}

/// The address that is most likely the host's own, good beyond the link: in use rather than deprecated, then
/// of the network that `near` is in, then of a network at all, then the oldest.
pub(super) fn own(
    here: &[Address],
    near: Option<IpAddr>,
    ipv4: bool,
    virtual_address: IpAddr,
) -> Option<IpAddr> {
    let is_of_use = |it: &&Address| match it.address.addr() {
        IpAddr::V4(_) => ipv4,
        IpAddr::V6(address) => !ipv4 && !address.is_unicast_link_local() && !it.tentative,
    };
    let rank = |it: &&Address| {
        let whole = it.address.prefix_len() == it.address.max_prefix_len();
        let is_near = near.is_some_and(|near| !whole && it.address.contains(&near));
        (it.deprecated, !is_near, whole)
    };
    let of_use = here
        .iter()
        .filter(is_of_use)
        .filter(|it| it.address.addr() != virtual_address);
    // Of equal ones the first is taken: IPv4 begins with the oldest, IPv6 ends with it.
    let best = if ipv4 {
        of_use.min_by_key(rank)
    } else {
        of_use.rev().min_by_key(rank)
    };
    best.map(|it| it.address.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel lists them; `-`: deprecated.
    fn here(addresses: &[&str]) -> Vec<Address> {
        let address = |text: &&str| Address {
            address: text.trim_end_matches('-').parse().unwrap(),
            deprecated: text.ends_with('-'),
            ..Address::default()
        };
        addresses.iter().map(address).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_server_of_the_same_family_is_asked_from_no_virtual_address() {
        // What is there, the kernel's choice, what is asked from.
        let cases: [(&[&str], &str, &str); 9] = [
            (&["2001:db8::1/64"], "2001:db8::1", "2001:db8::1"),
            // The virtual address itself, with its network.
            (
                &["2001:db8::100/64", "2001:db8::1/64", "fe80::1/64"],
                "2001:db8::100",
                "2001:db8::1",
            ),
            // Another virtual address.
            (
                &["2001:db8::101/64", "2001:db8::100/128-", "2001:db8::1/64"],
                "2001:db8::101",
                "2001:db8::1",
            ),
            // Of two networks the one that the kernel has chosen, though it is newer.
            (
                &["fd00::100/64", "fd00::1/64", "2001:db8::1/64"],
                "fd00::100",
                "fd00::1",
            ),
            // There is none but this.
            (&["2001:db8::100/64"], "2001:db8::100", "2001:db8::100"),
            // Of another interface, as a route says.
            (&["2001:db8::1/64"], "fd00::7", "fd00::7"),
            (&["fe80::1/64", "2001:db8::1/64"], "fe80::1", "fe80::1"),
            (&["10.0.0.1/24", "10.0.0.9/24"], "10.0.0.9", "10.0.0.9"),
            (&["10.0.0.1/24", "10.0.0.100/32"], "10.0.0.1", "10.0.0.1"),
        ];
        for (addresses, routed, expected) in cases {
            let from = preferred(&here(addresses), ip(routed), ip("2001:db8::100"));
            assert_eq!(from, ip(expected), "{addresses:?}");
        }
        let four = here(&["10.0.0.100/24", "10.0.0.1/24"]);
        let from = preferred(&four, ip("10.0.0.100"), ip("10.0.0.100"));
        assert_eq!(from, ip("10.0.0.1"));
    }

    #[test]
    fn a_server_of_the_other_family_is_asked_from_the_hosts_own_address() {
        let six = [
            "2001:db8::103/64",
            "2001:db8::102/128-",
            "2001:db8::101/64",
            "2001:db8::100/128",
            "2001:db8::1/64",
            "fe80::1/64",
        ];
        let vip = ip("2001:db8::100");
        assert_eq!(own(&here(&six), None, false, vip), Some(ip("2001:db8::1")));
        let four = ["10.9.0.1/24", "10.9.0.100/24", "192.0.2.101/32"];
        let vip = ip("192.0.2.100");
        assert_eq!(own(&here(&four), None, true, vip), Some(ip("10.9.0.1")));
        // There may be nothing better.
        let other = here(&["192.0.2.100/32", "192.0.2.101/32", "2001:db8::1/64"]);
        assert_eq!(own(&other, None, true, vip), Some(ip("192.0.2.101")));
        assert_eq!(own(&here(&["192.0.2.100/32"]), None, true, vip), None);
        assert_eq!(own(&here(&["fe80::1/64"]), None, false, ip("::1")), None);
    }
}
