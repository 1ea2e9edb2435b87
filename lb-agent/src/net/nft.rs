//! A table of our own in nftables that drops packets to and from some addresses of this host: what
//! `no_accept` asks for. Made and removed as a whole, so that nobody else's rules are touched. The
//! table that marks packets for IPVS stands in [`marks`].
//!
//! nfnetlink (Documentation/userspace-api/netlink/, `include/uapi/linux/netfilter/nf_tables.h`):
//! numbers are in network byte order.

mod label;
pub mod marks;

use std::collections::BTreeSet;
use std::net::IpAddr;

use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE};
use nix::errno::Errno;

use self::label::{Label, labelled};
use super::attribute;
use super::netlink::{Connection, NetlinkError};
use super::request::Request;

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// `NFNL_SUBSYS_NFTABLES`, the upper half of every type.
const NFTABLES: u16 = 10;
const NEWTABLE: u16 = NFTABLES << 8;
const GETTABLE: u16 = (NFTABLES << 8) | 1;
const DELTABLE: u16 = (NFTABLES << 8) | 2;
const NEWCHAIN: u16 = (NFTABLES << 8) | 3;
const NEWRULE: u16 = (NFTABLES << 8) | 6;

const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;
/// `NFTA_TABLE_FLAGS`, and `NFT_TABLE_F_DORMANT`: the table has no effect.
const TABLE_FLAGS: usize = 2;
const DORMANT: u32 = 1;
/// `NF_INET_LOCAL_IN`, `NF_INET_LOCAL_OUT`.
const LOCAL_IN: u32 = 1;
const LOCAL_OUT: u32 = 3;

const DROP: u32 = 0;
const ACCEPT: u32 = 1;

/// Where in a packet something stands: `NFT_PAYLOAD_NETWORK_HEADER`, `…_TRANSPORT_HEADER`.
const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;
/// `NFT_CMP_EQ`, `NFT_CMP_LTE`, `NFT_CMP_GTE`.
const EQUAL: u32 = 0;
const AT_MOST: u32 = 3;
const AT_LEAST: u32 = 5;

/// What the rule says of itself that lets neighbour discovery through.
const DISCOVERY: &str = "neighbour discovery";

/// What a rule says of itself that drops packets of an address.
fn comment(address: IpAddr) -> String {
    format!("no_accept {address}")
}

/// A table of drops.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// Its name.
    pub name: &'a str,
    /// Of its chains among those of others.
    pub priority: i32,
    /// Whether each rule counts what it drops.
    pub counters: bool,
}

/// From now on nothing is accepted from or sent to these addresses, neighbour discovery apart;
/// what the table dropped before is replaced, in one step.
pub fn block(
    connection: &mut Connection,
    table: Table<'_>,
    addresses: &[IpAddr],
) -> Result<(), NetlinkError> {
    let Table {
        name: table,
        priority,
        counters,
    } = table;
    let mut messages = Vec::new();
    for family in [NFPROTO_IPV4, NFPROTO_IPV6] {
        let of = |address: &&IpAddr| address.is_ipv6() == (family == NFPROTO_IPV6);
        let mut addresses = addresses.iter().filter(of).peekable();
        if addresses.peek().is_none() {
            continue;
        }
        // Removing needs something to remove.
        messages.push((self::table(NEWTABLE, family, table), NLM_F_CREATE));
        messages.push((self::table(DELTABLE, family, table), 0));
        messages.push((self::table(NEWTABLE, family, table), NLM_F_CREATE));
        for (chain, hook) in [("in", LOCAL_IN), ("out", LOCAL_OUT)] {
            let chain_of = self::chain(family, table, chain, (hook, priority));
            messages.push((chain_of, NLM_F_CREATE));
            if family == NFPROTO_IPV6 {
                let discovery = rule(family, table, chain, &neighbour_discovery());
                let discovery = labelled(discovery, DISCOVERY);
                messages.push((discovery, NLM_F_CREATE | NLM_F_APPEND));
            }
        }
        for address in addresses {
            for (chain, at) in [("in", destination(*address)), ("out", source(*address))] {
                let drop = rule(family, table, chain, &drop_address(at, *address, counters));
                let drop = labelled(drop, &comment(*address));
                messages.push((drop, NLM_F_CREATE | NLM_F_APPEND));
            }
        }
    }
    send(
        connection,
        messages,
        &format_args!("drop packets (nftables table {table})"),
    )
}

/// Whether what drops packets of these addresses is still there as [`block`] has made it: somebody may
/// have flushed all tables, or have deleted or replaced rules of this one.
pub fn is_blocked(
    connection: &mut Connection,
    name: &str,
    addresses: &[IpAddr],
) -> Result<bool, NetlinkError> {
    for family in [NFPROTO_IPV4, NFPROTO_IPV6] {
        let expected = labels(family, addresses);
        if expected.is_empty() {
            continue;
        }
        let flags = flags_of(connection, family, name)?;
        if flags.is_none_or(|flags| flags & DORMANT != 0) {
            return Ok(false);
        }
        if !expected.is_subset(&label::read(connection, family, name)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The flags of a table; `None`: there is none of this name.
fn flags_of(
    connection: &mut Connection,
    family: u8,
    name: &str,
) -> Result<Option<u32>, NetlinkError> {
    let what = format_args!("look for the nftables table {name}");
    let flags = |_kind: u16, payload: &[u8]| {
        let flags = attribute::values::<3>(payload.get(4..)?)[TABLE_FLAGS];
        Some(
            flags
                .and_then(|it| it.first_chunk())
                .map_or(0, |it| u32::from_be_bytes(*it)),
        )
    };
    match connection.query(table(GETTABLE, family, name), &what, flags) {
        Ok(flags) => Ok(Some(flags)),
        Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The rules of a family that [`block`] makes.
fn labels(family: u8, addresses: &[IpAddr]) -> BTreeSet<Label> {
    let of = |address: &&IpAddr| address.is_ipv6() == (family == NFPROTO_IPV6);
    let mut comments: Vec<String> = addresses.iter().filter(of).map(|it| comment(*it)).collect();
    if family == NFPROTO_IPV6 && !comments.is_empty() {
        comments.push(DISCOVERY.to_owned());
    }
    let chains = ["in", "out"].into_iter();
    let of_chain = |chain: &str| {
        comments
            .iter()
            .map(move |it| (chain.to_owned(), it.clone()))
            .collect::<Vec<_>>()
    };
    chains.flat_map(of_chain).collect()
}

/// The end of it. Harmless if there is no such table.
///
/// The kernel is asked for the table first, which is quick. A batch that fails for want of it waits for a
/// grace period of RCU before it is given up (`nf_tables_abort`), and whoever starts takes away what a
/// crash may have left of hundreds of instances.
pub fn unblock(connection: &mut Connection, table: &str) -> Result<(), NetlinkError> {
    for family in [NFPROTO_IPV4, NFPROTO_IPV6] {
        if flags_of(connection, family, table)?.is_none() {
            continue;
        }
        let messages = vec![(self::table(DELTABLE, family, table), 0)];
        let what = format_args!("remove the nftables table {table}");
        match send(connection, messages, &what) {
            Ok(()) => {}
            Err(error) if error.errno() == Some(Errno::ENOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn send(
    connection: &mut Connection,
    messages: Vec<(Request, u16)>,
    what: &dyn std::fmt::Display,
) -> Result<(), NetlinkError> {
    let [n0, n1] = NFTABLES.to_be_bytes();
    let edge = |kind| Request::new(kind, &[0, 0, n0, n1]);
    connection.batch(edge(BATCH_BEGIN), messages, edge(BATCH_END), what)
}

/// `struct nfgenmsg`: family, version, resource (2).
fn message(kind: u16, family: u8) -> Request {
    Request::new(kind, &[family, 0, 0, 0])
}

fn table(kind: u16, family: u8, name: &str) -> Request {
    message(kind, family).with_string(1, name)
}

fn chain(family: u8, table: &str, name: &str, (hook, priority): (u32, i32)) -> Request {
    message(NEWCHAIN, family)
        .with_string(1, table)
        .with_string(3, name)
        .with_nested(4, |it| {
            it.with(1, &hook.to_be_bytes())
                .with(2, &priority.to_be_bytes())
        })
        .with_string(7, "filter")
}

fn rule(family: u8, table: &str, chain: &str, expressions: &[(&str, Request)]) -> Request {
    message(NEWRULE, family)
        .with_string(1, table)
        .with_string(2, chain)
        .with_nested(4, |list| {
            expressions.iter().fold(list, |list, (name, data)| {
                list.with_nested(1, |it| {
                    it.with_string(1, name)
                        .with_nested(2, |_empty| data.clone())
                })
            })
        })
}

/// Offset of the destination address in the network header.
const fn destination(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 16,
        IpAddr::V6(_) => 24,
    }
}

/// Offset of the source address in the network header.
const fn source(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 12,
        IpAddr::V6(_) => 8,
    }
}

fn drop_address(at: u32, address: IpAddr, counters: bool) -> Vec<(&'static str, Request)> {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let length = u32::try_from(octets.len()).unwrap_or(0);
    let counter = counters.then(|| ("counter", empty()));
    [load(NETWORK, at, length), compare(EQUAL, &octets)]
        .into_iter()
        .chain(counter)
        .chain([verdict(DROP)])
        .collect()
}

/// Without it nobody could find the address at all: `ICMPv6` 133 to 137 (RFC 4861).
fn neighbour_discovery() -> Vec<(&'static str, Request)> {
    vec![
        load(NETWORK, 6, 1),
        compare(EQUAL, &[58]),
        load(TRANSPORT, 0, 1),
        compare(AT_LEAST, &[133]),
        compare(AT_MOST, &[137]),
        verdict(ACCEPT),
    ]
}

fn empty() -> Request {
    Request::new(0, &[])
}

fn number(request: Request, kind: u16, value: u32) -> Request {
    request.with(kind, &value.to_be_bytes())
}

/// Into register 1.
fn load(base: u32, offset: u32, length: u32) -> (&'static str, Request) {
    let numbers = [(1, 1), (2, base), (3, offset), (4, length)];
    let data = numbers.into_iter().fold(empty(), |request, (kind, value)| {
        number(request, kind, value)
    });
    ("payload", data)
}

/// Register 1 with a constant.
fn compare(how: u32, value: &[u8]) -> (&'static str, Request) {
    let data = number(number(empty(), 1, 1), 2, how);
    ("cmp", data.with_nested(3, |it| it.with(1, value)))
}

fn verdict(code: u32) -> (&'static str, Request) {
    let data = number(empty(), 1, 0);
    let data = data.with_nested(2, |it| it.with_nested(2, |it| number(it, 1, code)));
    ("immediate", data)
}
