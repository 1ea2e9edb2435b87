//! From a word to a value: numbers, times, switches, addresses, names.
//!
//! Each function says in its error what was expected, as the end of the sentence
//! "`x` is not …". Where the value goes is the business of the keyword tables.

mod bytes;
mod encap;
mod net;
mod umask;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use bytes::{hex, hex_with_gaps, hmac_key, mac};
pub(crate) use encap::{belongs_to_encap, encap};
pub(crate) use net::{
    address, address_with_prefix, host_address, multicast, multicast4, multicast6, net, net_or_all,
    net_or_default, netmask4, scope, table,
};
pub(crate) use umask::umask;

/// What a word should have been.
pub(crate) type Expected = String;

/// A whole number: decimal digits, at most with a `+` before them.
pub(crate) fn integer<N>(text: &str, range: &RangeInclusive<N>) -> Result<N, Expected>
where
    N: Copy + Display + PartialOrd + TryFrom<u64>,
{
    digits(text.strip_prefix('+').unwrap_or(text))
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

/// The name of an interface, as the kernel allows it (`dev_valid_name`); of nothing but dots, as they
/// stand in examples, it would even allow three.
pub(crate) fn interface(text: &str) -> Result<String, Expected> {
    // IFNAMSIZ is 16 with the NUL.
    let valid = (1..=15).contains(&text.len())
        && !text.bytes().all(|byte| byte == b'.')
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

/// The weight of a `FILE_CHECK`: what a server may weigh, with a sign.
pub(crate) fn file_check_weight(text: &str) -> Result<i32, Expected> {
    signed(text, &(-i32::MAX..=i32::MAX))
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

/// A name of DNS: labels of 1 to 63 bytes between dots, 253 bytes in all (RFC 1035 2.3.4).
pub(crate) fn domain(text: &str) -> Result<String, Expected> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| (1..=63).contains(&label.len());
    if text == "." || (name.len() <= 253 && name.split('.').all(is_label)) {
        Ok(text.to_owned())
    } else {
        Err("a name of DNS: labels of 1 to 63 characters, 253 in all".to_owned())
    }
}

/// A number, decimal or with `0x`.
pub(crate) fn hex_or_decimal(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits(text).and_then(|number| u32::try_from(number).ok()),
    }
}

/// `0` or `1`.
pub(crate) fn zero_or_one(text: &str) -> Result<bool, Expected> {
    choice(text, &[("0", false), ("1", true)])
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

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
