//! From a word to a value: numbers, times, switches, addresses, names.
//!
//! Each function says in its error what was expected, as the end of the sentence
//! "`x` is not …". Where the value goes is the business of the keyword tables.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

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

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
