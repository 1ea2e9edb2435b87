//! A table of our own in nftables that marks what arrives for the addresses of groups
//! (`nftables_ipvs`), so that IPVS has one service for all of them.
//!
//! As keepalived's: a chain `in` at the input hook, which packets pass before IPVS sees them, and
//! for each protocol a map from address and port to the mark. The whole is replaced in one step.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE};
use nix::errno::Errno;

use super::{
    DELTABLE, EQUAL, LOCAL_IN, NETWORK, NEWTABLE, NFPROTO_IPV4, NFPROTO_IPV6, NFTABLES, TRANSPORT,
    chain, compare, destination, empty, message, number, rule, send, table, unblock,
};
use crate::net::attribute;
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::request::Request;

const GETCHAIN: u16 = (NFTABLES << 8) | 0x04;
/// `NFTA_CHAIN_USE`: how many rules it has.
const CHAIN_USE: usize = 6;
const NEWSET: u16 = (NFTABLES << 8) | 0x09;
const NEWSETELEM: u16 = (NFTABLES << 8) | 0x0c;

/// `NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_CONCAT`.
const FLAGS: u32 = 0x04 | 0x08 | 0x80;
/// What `nft` calls `ipv4_addr`, `ipv6_addr`, `inet_service`, `mark`; two of them share a word by
/// `TYPE_BITS`. The kernel only keeps them for listings.
const TYPE_ADDRESS: [u32; 2] = [7, 8];
const TYPE_PORT: u32 = 13;
const TYPE_MARK: u32 = 19;
const TYPE_BITS: u32 = 6;

/// What `nft` keeps beside a map, which the kernel does not look at (libnftnl's `udata.h`): type,
/// length, value of the byte order of the keys (0), in the network's (2), and of the data (1), in
/// the host's (1). Without it `nft` would list marks with their bytes swapped.
const BYTE_ORDERS: [(u8, u32); 2] = [(0, 2), (1, 1)];

/// `NFT_META_MARK`, `NFT_META_L4PROTO`.
const META_MARK: u32 = 3;
const META_PROTOCOL: u32 = 16;
/// `NFT_REG_1`; the port stands behind the address: `NFT_REG32_01` or `NFT_REG_2`.
const REGISTER: u32 = 1;
const BEHIND: [u32; 2] = [9, 2];
/// `NFT_RETURN`.
const RETURN: i32 = -5;

/// Elements of one message: an attribute holds 64 KiB.
const TOGETHER: usize = 256;

/// What gets a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Layer-4 protocol: that of TCP, UDP or SCTP.
    pub protocol: u16,
    /// First address.
    pub first: IpAddr,
    /// Last address, of the same family.
    pub last: IpAddr,
    /// First port.
    pub first_port: u16,
    /// Last port; with a first port of 0: all.
    pub last_port: u16,
    /// The mark.
    pub mark: u32,
}

/// From now on packets are marked like this and not otherwise; without marks there is no table.
pub fn set(
    connection: &mut Connection,
    name: &str,
    priority: i32,
    marks: &[Mark],
) -> Result<(), NetlinkError> {
    if marks.is_empty() {
        return clear(connection, name);
    }
    let messages = messages(name, priority, marks);
    send(
        connection,
        messages,
        &format_args!("mark packets for IPVS (nftables table {name})"),
    )
}

/// Removes the table. Harmless if there is none.
pub fn clear(connection: &mut Connection, name: &str) -> Result<(), NetlinkError> {
    unblock(connection, name)
}

/// Whether what [`set`] has made is there: somebody may have flushed all tables, or the rules of this
/// one. What its maps hold is not looked at.
pub fn are_set(
    connection: &mut Connection,
    name: &str,
    marks: &[Mark],
) -> Result<bool, NetlinkError> {
    for family in [NFPROTO_IPV4, NFPROTO_IPV6] {
        let of = |mark: &&Mark| mark.first.is_ipv6() == (family == NFPROTO_IPV6);
        let ours = marks.iter().filter(of);
        let protocols: BTreeSet<u16> = ours.map(|mark| mark.protocol).collect();
        if protocols.is_empty() {
            continue;
        }
        let chain = message(GETCHAIN, family)
            .with_string(1, name)
            .with_string(3, "in");
        let what = format_args!("look for the nftables table {name}");
        let rules = |_kind: u16, payload: &[u8]| {
            let rules = attribute::values::<7>(payload.get(4..)?)[CHAIN_USE]?;
            Some(u32::from_be_bytes(*rules.first_chunk()?))
        };
        match connection.query(chain, &what, rules) {
            Ok(rules) if usize::try_from(rules).is_ok_and(|it| it >= protocols.len()) => {}
            Ok(_fewer) => return Ok(false),
            Err(error) if error.errno() == Some(Errno::ENOENT) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn messages(name: &str, priority: i32, marks: &[Mark]) -> Vec<(Request, u16)> {
    let mut messages = Vec::new();
    for (index, family) in [NFPROTO_IPV4, NFPROTO_IPV6].into_iter().enumerate() {
        // Removing needs something to remove.
        messages.push((table(NEWTABLE, family, name), NLM_F_CREATE));
        messages.push((table(DELTABLE, family, name), 0));
        let of = |mark: &&Mark| mark.first.is_ipv6() == (family == NFPROTO_IPV6);
        let ours: Vec<&Mark> = marks.iter().filter(of).collect();
        if ours.is_empty() {
            continue;
        }
        messages.push((table(NEWTABLE, family, name), NLM_F_CREATE));
        let input = chain(family, name, "in", (LOCAL_IN, priority));
        messages.push((input, NLM_F_CREATE));
        let protocols: BTreeSet<u16> = ours.iter().map(|mark| mark.protocol).collect();
        for protocol in protocols {
            let map = map_name(protocol);
            messages.push((map_of(index, family, name, &map, protocol), NLM_F_CREATE));
            let mut ours: Vec<_> = ours.iter().filter(|it| it.protocol == protocol).collect();
            // The same range twice is an error to the kernel.
            ours.dedup_by_key(|it| (it.first, it.last, it.first_port, it.last_port));
            for some in ours.chunks(TOGETHER) {
                messages.push((elements(family, name, &map, some), NLM_F_CREATE));
            }
            let marking = rule(family, name, "in", &mark_by(index, protocol, &map));
            messages.push((marking, NLM_F_CREATE | NLM_F_APPEND));
        }
    }
    messages
}

fn map_name(protocol: u16) -> String {
    match protocol {
        6 => "tcp_map".to_owned(),
        17 => "udp_map".to_owned(),
        132 => "sctp_map".to_owned(),
        other => format!("protocol_{other}_map"),
    }
}

/// A map from address and port to mark. `index`: 0 for IPv4, 1 for IPv6.
fn map_of(index: usize, family: u8, table: &str, name: &str, protocol: u16) -> Request {
    let address: u32 = if index == 0 { 4 } else { 16 };
    let kind = TYPE_ADDRESS.get(index).copied().unwrap_or_default() << TYPE_BITS | TYPE_PORT;
    let set = message(NEWSET, family)
        .with_string(1, table)
        .with_string(2, name);
    let numbers = [
        (3, FLAGS),
        (4, kind),
        (5, address + 4),
        (6, TYPE_MARK),
        (7, 4),
        // Tells the maps of one batch apart.
        (10, u32::from(protocol)),
    ];
    let set = numbers
        .into_iter()
        .fold(set, |set, (kind, value)| number(set, kind, value));
    let orders = BYTE_ORDERS.into_iter().flat_map(|(kind, order)| {
        let value = order.to_ne_bytes();
        [kind, 4].into_iter().chain(value)
    });
    let set = set.with(13, &orders.collect::<Vec<u8>>());
    set.with_nested(9, |description| {
        description.with_nested(2, |fields| {
            let field = |fields: Request, length| fields.with_nested(1, |it| number(it, 1, length));
            field(field(fields, address), 2)
        })
    })
}

fn elements(family: u8, table: &str, map: &str, marks: &[&&Mark]) -> Request {
    message(NEWSETELEM, family)
        .with_string(1, table)
        .with_string(2, map)
        .with_nested(3, |list| {
            marks.iter().fold(list, |list, mark| {
                let (first_port, last_port) = match (mark.first_port, mark.last_port) {
                    (0, _) => (0, u16::MAX),
                    ports => ports,
                };
                list.with_nested(1, |it| {
                    it.with_nested(1, |it| it.with(1, &place(mark.first, first_port)))
                        // Marks are in host byte order.
                        .with_nested(2, |it| it.with(1, &mark.mark.to_ne_bytes()))
                        .with_nested(10, |it| it.with(1, &place(mark.last, last_port)))
                })
            })
        })
}

/// An address and a port as the registers hold them.
fn place(address: IpAddr, port: u16) -> Vec<u8> {
    let mut bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    bytes.extend(port.to_be_bytes());
    bytes.extend([0, 0]);
    bytes
}

/// `meta l4proto tcp meta mark set ip daddr . tcp dport map @tcp_map return`
fn mark_by(index: usize, protocol: u16, map: &str) -> Vec<(&'static str, Request)> {
    let unspecified = if index == 0 {
        IpAddr::from([0; 4])
    } else {
        IpAddr::from([0; 16])
    };
    let length = if index == 0 { 4 } else { 16 };
    let behind = BEHIND.get(index).copied().unwrap_or_default();
    let [_, protocol] = protocol.to_be_bytes();
    vec![
        (
            "meta",
            number(number(empty(), 2, META_PROTOCOL), 1, REGISTER),
        ),
        compare(EQUAL, &[protocol]),
        load_into(REGISTER, NETWORK, destination(unspecified), length),
        load_into(behind, TRANSPORT, 2, 2),
        (
            "lookup",
            number(
                number(empty().with_string(1, map), 2, REGISTER),
                3,
                REGISTER,
            ),
        ),
        ("meta", number(number(empty(), 2, META_MARK), 3, REGISTER)),
        returned(),
    ]
}

fn load_into(register: u32, base: u32, offset: u32, length: u32) -> (&'static str, Request) {
    let numbers = [(1, register), (2, base), (3, offset), (4, length)];
    let data = numbers.into_iter().fold(empty(), |request, (kind, value)| {
        number(request, kind, value)
    });
    ("payload", data)
}

fn returned() -> (&'static str, Request) {
    let data = number(empty(), 1, 0);
    let code = RETURN.to_be_bytes();
    (
        "immediate",
        data.with_nested(2, |it| it.with_nested(2, |it| it.with(1, &code))),
    )
}
