//! Options of an address: a line of `virtual_ipaddress`, `virtual_ipaddress_excluded` or
//! `static_ipaddress`.

use super::{ANY, Keyword, Section, flag, line, read, word, words};
use crate::config::draft::AddressDraft;
use crate::config::lower::address as lower;
use crate::config::value;

/// Options of an address.
pub(crate) static ADDRESS: Section<AddressDraft> = Section::options("an address", &[USUAL, RARE]);

const USUAL: &[Keyword<AddressDraft>] = &[
    word(
        "dev",
        "INTERFACE",
        read!(value::interface => |a: &mut AddressDraft, v| a.dev = Some(v)),
    )
    .default("the instance's `interface`")
    .example("eth7"),
    word(
        "label",
        "LABEL",
        read!(lower::label => |a: &mut AddressDraft, v| a.label = Some(v)),
    )
    .example("eth0:7"),
    word(
        "scope",
        "SCOPE",
        read!(value::scope => |a: &mut AddressDraft, v| a.scope = Some(v)),
    )
    .default("global")
    .example("link"),
    word(
        "brd",
        "ADDRESS|+|-",
        read!(lower::broadcast => |a: &mut AddressDraft, v| a.brd = Some(v)),
    )
    .or(&["broadcast"])
    .example("+"),
];

const RARE: &[Keyword<AddressDraft>] = &[
    word(
        "peer",
        "ADDRESS[/PREFIX]",
        read!(value::address_with_prefix => |a: &mut AddressDraft, v| a.options.peer = Some(v.value)),
    )
    .example("10.0.0.7"),
    flag("home", |a: &mut AddressDraft, v| a.options.home = v.value),
    flag("-nodad", |a: &mut AddressDraft, v| a.options.nodad = v.value)
        .default("every IPv6 address"),
    flag("mngtmpaddr", |a: &mut AddressDraft, v| a.options.mngtmpaddr = v.value),
    flag("noprefixroute", |a: &mut AddressDraft, v| a.options.noprefixroute = v.value),
    flag("autojoin", |a: &mut AddressDraft, v| a.options.autojoin = v.value),
    flag("no_track", |a: &mut AddressDraft, v| a.options.no_track = v.value),
    word(
        "preferred_lft",
        "SECONDS|forever",
        read!(lower::lifetime => |a: &mut AddressDraft, v| a.options.preferred_lft = v.value),
    )
    .example("0"),
    word("track_group", "NAME", read!(value::name => |a: &mut AddressDraft, v| a.track_group = Some(v)))
        .example("T"),
    line("use_vmac", words("[NAME] [MAC] [group N]", 0, ANY), lower::use_vmac).example("vmac7"),
];
