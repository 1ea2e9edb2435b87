//! From a word to a value: numbers, times, switches, addresses, names.
//!
//! Each function says in its error what was expected, as the end of the sentence
//! "`x` is not …". Where the value goes is the business of the keyword tables.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use super::model::{HMAC_KEY_LEN, HmacKey, Secret};

/// What a word should have been.
pub(crate) type Expected = String;

/// A whole number: decimal digits only, no sign.
pub(crate) fn integer<N>(text: &str, range: &RangeInclusive<N>) -> Result<N, Expected>
where
    N: Copy + Display + PartialOrd + TryFrom<u64>,
{
    digits(text)
        .and_then(|number| N::try_from(number).ok())
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
}

/// Seconds with up to six digits behind the point, as keepalived's timers.
pub(crate) fn seconds(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, Expected> {
    let expected = || {
        let (least, most) = (range.start().as_secs_f64(), range.end().as_secs());
        format!("a time from {least} to {most} seconds, like `5` or `0.5`")
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if text.is_empty() || fraction.is_empty() || fraction.len() > 6 {
        return Err(expected());
    }
    let padded = format!("{fraction:0<6}");
    let seconds = if whole.is_empty() {
        Some(0)
    } else {
        digits(whole)
    };
    seconds
        .zip(digits(&padded))
        .and_then(|(seconds, micros)| {
            Duration::from_secs(seconds).checked_add(Duration::from_micros(micros))
        })
        .filter(|time| range.contains(time))
        .ok_or_else(expected)
}

/// `on`, `true`, `yes`, `off`, `false`, `no`, in small letters.
pub(crate) fn switch(text: &str) -> Result<bool, Expected> {
    match text {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err("a switch: on, true, yes, off, false or no".to_owned()),
    }
}

/// One of some words.
pub(crate) fn choice<V: Copy>(text: &str, choices: &[(&str, V)]) -> Result<V, Expected> {
    choices
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("one of {}", names.join(", "))
        })
}

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

/// The name of an interface, as the kernel allows it (`dev_valid_name`).
pub(crate) fn interface(text: &str) -> Result<String, Expected> {
    // IFNAMSIZ is 16 with the NUL.
    let valid = (1..=15).contains(&text.len())
        && text != "."
        && text != ".."
        && !text.contains(|character: char| {
            matches!(character, '/' | ':') || character.is_whitespace()
        });
    if valid {
        Ok(text.to_owned())
    } else {
        Err("the name of an interface: 1 to 15 characters without blank, `/` and `:`".to_owned())
    }
}

/// A path.
#[expect(clippy::unnecessary_wraps, reason = "one of several readers of words")]
pub(crate) fn path(text: &str) -> Result<PathBuf, Expected> {
    Ok(text.into())
}

/// A name that something else has.
#[expect(clippy::unnecessary_wraps, reason = "one of several readers of words")]
pub(crate) fn name(text: &str) -> Result<String, Expected> {
    Ok(text.to_owned())
}

/// A whole number that may have a sign.
pub(crate) fn signed(text: &str, range: &RangeInclusive<i32>) -> Result<i32, Expected> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits(unsigned)
        .and_then(|_| text.parse().ok())
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("a whole number from {} to {}", range.start(), range.end()))
}

/// A weight of something tracked. keepalived's manual says 254, the program 253: both are taken.
pub(crate) fn weight(text: &str) -> Result<i16, Expected> {
    let weight = signed(text, &(-254..=254))
        .ok()
        .ok_or_else(|| "a weight: a whole number from -253 to 253".to_owned())?;
    Ok(i16::try_from(weight.clamp(-253, 253)).unwrap_or_default())
}

/// A whole number of 64 bits.
pub(crate) fn long(text: &str) -> Result<u64, Expected> {
    digits(text).ok_or_else(|| "a whole number".to_owned())
}

/// A byte, decimal or with `0x`.
pub(crate) fn hex_byte(text: &str) -> Result<u8, Expected> {
    hex_or_decimal(text)
        .and_then(|number| u8::try_from(number).ok())
        .ok_or_else(|| "a number from 0 to 255, or from 0x00 to 0xff".to_owned())
}

/// A number, decimal or with `0x`.
pub(crate) fn hex_or_decimal(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits(text).and_then(|number| u32::try_from(number).ok()),
    }
}

/// Permission bits in octal.
pub(crate) fn octal(text: &str) -> Result<u16, Expected> {
    let bits = u16::from_str_radix(text, 8).ok();
    bits.filter(|bits| *bits <= 0o777)
        .ok_or_else(|| "an octal number up to 0777".to_owned())
}

/// `0` or `1`.
pub(crate) fn zero_or_one(text: &str) -> Result<bool, Expected> {
    choice(text, &[("0", false), ("1", true)])
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

/// Who made a route (`RTPROT_*`).
pub(crate) fn route_protocol(text: &str) -> Result<u8, Expected> {
    const NAMES: &[(&str, u8)] = &[
        ("redirect", 1),
        ("kernel", 2),
        ("boot", 3),
        ("static", 4),
        ("ra", 9),
        ("dhcp", 16),
        ("keepalived", 18),
    ];
    choice(text, NAMES)
        .or_else(|_: Expected| hex_byte(text))
        .ok()
        .ok_or_else(|| "a routing protocol: static, boot, kernel … or a number to 255".to_owned())
}

/// `[SOURCE/]DESTINATION`
pub(crate) fn realms(text: &str) -> Result<(u16, u16), Expected> {
    let (source, destination) = text.split_once('/').unwrap_or(("0", text));
    let number = |text: &str| integer(text, &(0..=u16::MAX)).ok();
    number(source)
        .zip(number(destination))
        .ok_or_else(|| "realms: `SOURCE/DESTINATION` or `DESTINATION`, as numbers".to_owned())
}

/// Pairs of hexadecimal digits, as keepalived takes payloads.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, Expected> {
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| "bytes as pairs of hexadecimal digits".to_owned())
}

/// `hex:…`, `file:…` or the key itself: 32 to 64 bytes.
pub(crate) fn hmac_key(text: &str) -> Result<HmacKey, Expected> {
    if let Some(file) = text.strip_prefix("file:") {
        return path(file).map(HmacKey::File);
    }
    let bytes = match text.strip_prefix("hex:") {
        Some(digits) => hex(digits)?,
        None => text.as_bytes().to_vec(),
    };
    if HMAC_KEY_LEN.contains(&bytes.len()) {
        Ok(HmacKey::Bytes(Secret::new(bytes)))
    } else {
        Err("a key of 32 to 64 bytes".to_owned())
    }
}

/// A MAC address.
pub(crate) fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
