//! `bfd_instance`.

use super::{Keyword, Section, Unit, bare, byte, flag, line, read, script, units, word};
use crate::config::lower::script as lower;
use crate::config::model::BfdInstance;
use crate::config::value;

/// `bfd_instance`
pub(crate) static BFD_INSTANCE: Section<BfdInstance> = Section::new("bfd_instance", &[SESSION]);

const SESSION: &[Keyword<BfdInstance>] = &[
    word(
        "neighbor_ip",
        "ADDRESS",
        read!(value::host_address => |b: &mut BfdInstance, v| b.neighbor_ip = v.value),
    )
    .goes_on()
    .or(&["neighbour_ip"])
    .example("10.0.0.7"),
    word(
        "source_ip",
        "ADDRESS",
        read!(value::host_address => |b: &mut BfdInstance, v| b.source_ip = Some(v.value)),
    )
    .example("10.0.0.7"),
    units(
        "min_rx",
        Unit::Millis,
        1..=1_000_000,
        |b: &mut BfdInstance, v| b.min_rx = v.value,
    )
    .default("10 ms"),
    units(
        "min_tx",
        Unit::Millis,
        1..=1_000_000,
        |b: &mut BfdInstance, v| b.min_tx = v.value,
    )
    .default("10 ms"),
    units(
        "idle_tx",
        Unit::Millis,
        1000..=1_000_000,
        |b: &mut BfdInstance, v| {
            b.idle_tx = v.value;
        },
    )
    .default("1000 ms"),
    byte("multiplier", 1..=255, |b: &mut BfdInstance, v| {
        b.multiplier = v.value;
    })
    .default("5"),
    bare("passive", |b: &mut BfdInstance, v| b.passive = v.value),
    byte("ttl", 1..=255, |b: &mut BfdInstance, v| b.ttl = v.value)
        .or(&["hoplimit"])
        .default("255; 64 over several hops"),
    byte("max_hops", 0..=255, |b: &mut BfdInstance, v| {
        b.max_hops = v.value;
    })
    .default("0"),
    flag("multihop", |b: &mut BfdInstance, v| b.multihop = v.value),
    line("weight", script::WEIGHT, lower::bfd_weight)
        .default("0: FAULT when it is down")
        .example("-7"),
    bare("vrrp", |b: &mut BfdInstance, v| b.vrrp = v.value),
    bare("checker", |b: &mut BfdInstance, v| b.checker = v.value),
];
