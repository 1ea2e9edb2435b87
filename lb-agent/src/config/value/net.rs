//! Addresses, networks, groups, scopes and routing tables.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use super::{Expected, choice, hex_or_decimal, integer};

/// An IPv4 or IPv6 address.
pub(crate) fn address(text: &str) -> Result<IpAddr, Expected> {
    text.parse().ok().ok_or_else(|| "an IP address".to_owned())
}

/// An address that a host can have.
pub(crate) fn host_address(text: &str) -> Result<IpAddr, Expected> {
    let address = address(text)?;
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_multicast() || address.is_unspecified() || broadcast {
        return Err("the address of a host".to_owned());
    }
    Ok(address)
}

/// An IPv4 multicast group.
pub(crate) fn multicast(text: &str) -> Result<IpAddr, Expected> {
    let group = address(text).ok().filter(IpAddr::is_multicast);
    group.ok_or_else(|| "a multicast address (224.0.0.0/4 or ff00::/8)".to_owned())
}

/// A multicast group of IPv4.
pub(crate) fn multicast4(text: &str) -> Result<Ipv4Addr, Expected> {
    let group = text.parse().ok().filter(Ipv4Addr::is_multicast);
    group.ok_or_else(|| "an IPv4 multicast address (224.0.0.0 to 239.255.255.255)".to_owned())
}

/// `ADDRESS[/PREFIX]` of a host; without a prefix the whole address.
pub(crate) fn address_with_prefix(text: &str) -> Result<IpNet, Expected> {
    let (address, prefix) = text
        .split_once('/')
        .map_or((text, None), |(a, p)| (a, Some(p)));
    let address = host_address(address)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(prefix) => integer(prefix, &(0..=longest))
            .map_err(|expected| format!("an address with a prefix length: {expected}"))?,
        None => longest,
    };
    IpNet::new(address, prefix).map_err(|error| error.to_string())
}

/// A netmask of IPv4, dotted or as a prefix length.
pub(crate) fn netmask4(text: &str) -> Result<Ipv4Addr, Expected> {
    let expected = || "a netmask, like `255.255.255.0` or `24`".to_owned();
    if let Ok(prefix) = integer(text, &(1..=32u8)) {
        let net = Ipv4Net::new(Ipv4Addr::UNSPECIFIED, prefix).ok();
        return net.map(|net| net.netmask()).ok_or_else(expected);
    }
    let mask: Ipv4Addr = text.parse().ok().ok_or_else(expected)?;
    let bits = mask.to_bits();
    if bits.leading_ones() == 0 || bits.count_ones() != bits.leading_ones() {
        return Err(expected());
    }
    Ok(mask)
}

/// An IPv6 multicast group.
pub(crate) fn multicast6(text: &str) -> Result<Ipv6Addr, Expected> {
    let group = text.parse().ok().filter(Ipv6Addr::is_multicast);
    group.ok_or_else(|| "an IPv6 multicast address (ff00::/8)".to_owned())
}

/// `ADDRESS[/PREFIX]` of a network; without a prefix the whole address.
pub(crate) fn net(text: &str) -> Result<IpNet, Expected> {
    let expected = || "a network, like `10.0.0.0/8`".to_owned();
    match text.split_once('/') {
        None => text.parse::<IpAddr>().ok().map(IpNet::from),
        Some(_) => text.parse().ok(),
    }
    .ok_or_else(expected)
}

/// A network, or `all`.
pub(crate) fn net_or_all(text: &str) -> Result<Option<IpNet>, Expected> {
    match text {
        "all" | "any" | "default" => Ok(None),
        _ => net(text).map(Some),
    }
}

/// A network, or `default`.
pub(crate) fn net_or_default(text: &str) -> Result<Option<IpNet>, Expected> {
    net_or_all(text)
        .ok()
        .ok_or_else(|| "a network, like `10.0.0.0/8`, or `default`".to_owned())
}

/// The kernel's scopes (`RT_SCOPE_*`).
const SCOPES: &[(&str, u8)] = &[
    ("global", 0),
    ("site", 200),
    ("link", 253),
    ("host", 254),
    ("nowhere", 255),
];

/// A scope.
pub(crate) fn scope(text: &str) -> Result<u8, Expected> {
    choice(text, SCOPES)
        .or_else(|_: Expected| integer(text, &(0..=255)))
        .ok()
        .ok_or_else(|| "a scope: global, site, link, host or a number to 255".to_owned())
}

/// A routing table; iproute2's own names only.
pub(crate) fn table(text: &str) -> Result<u32, Expected> {
    choice(text, &[("local", 255), ("main", 254), ("default", 253)])
        .ok()
        .or_else(|| hex_or_decimal(text))
        .ok_or_else(|| "a routing table: a number, main, local or default".to_owned())
}
