//! The words behind `encap`.

use std::net::IpAddr;

use super::{Expected, hex_byte, host_address, long};
use crate::config::model::{Encap, TunnelKey};

/// MPLS labels have 20 bits (RFC 3032 2.1).
const LABELS: u32 = 1 << 20;

/// `ip|ip6 [id N] [dst ADDRESS] [src ADDRESS] [tos N] [ttl N]`, `mpls LABEL[/LABEL…] [ttl N]`,
/// `ila LOCATOR`.
pub(crate) fn encap(words: &[&str]) -> Result<Encap, Expected> {
    let expected = || {
        "`ip [id N] [dst ADDRESS] [src ADDRESS] [tos N] [ttl N]`, `ip6 [id N] [dst ADDRESS] [src \
         ADDRESS] [tc N] [hoplimit N]`, `mpls LABEL[/LABEL] [ttl N]` or `ila LOCATOR`"
            .to_owned()
    };
    match words {
        ["ip", rest @ ..] => tunnel(rest, ("tos", "ttl"), IpAddr::is_ipv4).map(Encap::Ip),
        ["ip6", rest @ ..] => tunnel(rest, ("tc", "hoplimit"), IpAddr::is_ipv6).map(Encap::Ip6),
        ["mpls", stack] => labels(stack).map(|labels| Encap::Mpls { labels, ttl: None }),
        ["mpls", stack, "ttl", ttl] => {
            let ttl = Some(hex_byte(ttl)?);
            labels(stack).map(|labels| Encap::Mpls { labels, ttl })
        }
        ["ila", locator] => parse_locator(locator).map(Encap::Ila).ok_or_else(expected),
        _ => Err(expected()),
    }
}

/// Whether a word belongs to the `encap` that begins with `first`, though it is an option of a
/// route, too.
pub(crate) fn belongs_to_encap(first: &str, word: &str) -> bool {
    match first {
        "ip" => matches!(word, "src" | "tos"),
        "ip6" => matches!(word, "src" | "hoplimit"),
        _ => false,
    }
}

fn tunnel(
    words: &[&str],
    (tos, ttl): (&str, &str),
    fits: impl Fn(&IpAddr) -> bool,
) -> Result<TunnelKey, Expected> {
    let mut key = TunnelKey::default();
    let address = |word: &str| {
        let address = host_address(word)?;
        let wrong = || "an address of the family of `encap`".to_owned();
        Some(address).filter(&fits).ok_or_else(wrong).map(Some)
    };
    let mut rest = words;
    while let [name, behind @ ..] = rest {
        let [value, behind @ ..] = behind else {
            return Err(format!("a value behind `{name}`"));
        };
        rest = behind;
        match *name {
            "id" => key.id = Some(long(value)?),
            "dst" => key.dst = address(value)?,
            "src" => key.src = address(value)?,
            other if other == tos => key.tos = Some(hex_byte(value)?),
            other if other == ttl => key.ttl = Some(hex_byte(value)?),
            _ => return Err(format!("`id`, `dst`, `src`, `{tos}` or `{ttl}`")),
        }
    }
    Ok(key)
}

fn labels(stack: &str) -> Result<Vec<u32>, Expected> {
    let label = |text: &str| text.parse().ok().filter(|label: &u32| *label < LABELS);
    let labels: Option<Vec<u32>> = stack.split('/').map(label).collect();
    labels.ok_or_else(|| "MPLS labels from 0 to 1048575 with `/` between them".to_owned())
}

/// `1:2:3:4`: the first half of an IPv6 address.
fn parse_locator(text: &str) -> Option<u64> {
    let mut parts = text.split(':').map(|part| u16::from_str_radix(part, 16));
    let locator = parts
        .by_ref()
        .take(4)
        .try_fold((0u64, 0), |(all, count), part| {
            Some(((all << 16) | u64::from(part.ok()?), count + 1))
        });
    let (locator, count) = locator?;
    (count == 4 && parts.next().is_none()).then_some(locator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Encap, Expected> {
        encap(&text.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn each_kind_is_read_whole() {
        let key = TunnelKey {
            id: Some(5),
            dst: Some([10, 0, 0, 8].into()),
            src: Some([10, 0, 0, 1].into()),
            tos: Some(16),
            ttl: Some(7),
        };
        let text = "ip id 5 dst 10.0.0.8 src 10.0.0.1 tos 0x10 ttl 7";
        assert_eq!(read(text), Ok(Encap::Ip(key)));
        let six = TunnelKey {
            dst: Some([0xfd00, 0, 0, 0, 0, 0, 0, 8].into()),
            ttl: Some(9),
            ..TunnelKey::default()
        };
        assert_eq!(read("ip6 dst fd00::8 hoplimit 9"), Ok(Encap::Ip6(six)));
        let (labels, ttl) = (vec![100, 200], None);
        assert_eq!(read("mpls 100/200"), Ok(Encap::Mpls { labels, ttl }));
        let (labels, ttl) = (vec![7], Some(3));
        assert_eq!(read("mpls 7 ttl 3"), Ok(Encap::Mpls { labels, ttl }));
        assert_eq!(read("ila 1:2:3:ff"), Ok(Encap::Ila(0x0001_0002_0003_00ff)));
    }

    #[test]
    fn what_is_none_is_refused() {
        let bad = [
            "",
            "gre",
            "ip dst",
            "ip dst fd00::8",
            "ip6 dst 10.0.0.8",
            "ip ttl 300",
            "ip tc 1",
            "mpls",
            "mpls 1048576",
            "mpls 1//2",
            "ila 1:2:3",
            "ila 1:2:3:4:5",
            "ila ::1",
        ];
        for text in bad {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
