//! The kernel's connections of our services, as records for `dump`: `/proc/net/ip_vs_conn`.
//!
//! Its lines are `Pro FromIP FPrt ToIP TPrt DestIP DPrt State Expires [PEName PEData]`, addresses
//! of IPv4 and ports in hexadecimal, those of IPv6 in brackets.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::view::Record;
use crate::net::ipvs::{Protocol, ServiceKey};
use crate::observe::model::{self, ConnectionView, Endpoint};

/// Where the kernel shows them.
const CONNECTIONS: &str = "/proc/net/ip_vs_conn";

/// Reads the connections of the services of `records`. Those that came by a mark cannot be told
/// from others of IPVS; with a mark among the records all are shown.
pub fn read(records: &[Record]) -> io::Result<Vec<ConnectionView>> {
    let text = std::fs::read_to_string(CONNECTIONS)?;
    Ok(parse(&text, records))
}

fn parse(text: &str, records: &[Record]) -> Vec<ConnectionView> {
    let mut ours = BTreeSet::new();
    let mut marks = false;
    for record in records {
        match record.key {
            ServiceKey::Address {
                protocol,
                address,
                port,
            } => {
                ours.insert((protocol, address, port));
            }
            ServiceKey::Mark { .. } => marks = true,
        }
    }
    let is_ours = |protocol, it: &Endpoint| {
        marks
            || ours.contains(&(protocol, it.address, it.port))
            || ours.contains(&(protocol, it.address, 0))
    };
    let lines = text.lines().skip(1).filter_map(connection);
    lines
        .filter(|(protocol, view)| is_ours(*protocol, &view.r#virtual))
        .map(|(_, view)| view)
        .collect()
}

fn connection(line: &str) -> Option<(Protocol, ConnectionView)> {
    let mut words = line.split_whitespace();
    let (protocol, shown) = match words.next()? {
        "TCP" => (Protocol::Tcp, model::Protocol::Tcp),
        "UDP" => (Protocol::Udp, model::Protocol::Udp),
        "SCTP" => (Protocol::Sctp, model::Protocol::Sctp),
        // What a persistent service for a mark remembers.
        "IP" => (Protocol::Other(0), model::Protocol::Fwm),
        _ => return None,
    };
    let mut endpoint = || {
        Some(Endpoint {
            address: address(words.next()?)?,
            port: u16::from_str_radix(words.next()?, 16).ok()?,
        })
    };
    let (client, r#virtual, real) = (endpoint()?, endpoint()?, endpoint()?);
    let view = ConnectionView {
        protocol: shown,
        state: words.next()?.to_owned().into(),
        expires: Duration::from_secs(words.next()?.parse().ok()?),
        client,
        r#virtual,
        real,
    };
    Some((protocol, view))
}

fn address(word: &str) -> Option<IpAddr> {
    let inside = word.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    if let Some(inside) = inside {
        return inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    let bits = u32::from_str_radix(word, 16).ok()?;
    Some(Ipv4Addr::from_bits(bits).into())
}

#[cfg(test)]
mod tests;
