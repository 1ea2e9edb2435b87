//! `check --explain`: what the XDP program's maps take on this machine.

use std::fmt::Write as _;

use crate::config::model::Config;
use crate::config::schedules;
use crate::dataplane::xdp::flow_tables::FlowTables;
use crate::dataplane::xdp::memory::{For, Taken, maps, mebibytes};

/// The page on a machine that may have so many processors; empty, if XDP carries nobody.
pub(super) fn page(config: &Config, processors: u64) -> String {
    let (services, schedules) = schedules(config);
    if services == 0 {
        return String::new();
    }
    let tables = FlowTables::from(config.global_defs.xdp_flow_table_size);
    let maps = maps(tables, processors);
    let mut page = format!(
        "# memory: what the XDP program's maps take in the kernel, bytes, on this machine with {processors} \
         processors, as `bpftool map show` says\n"
    );
    let mut all = 0;
    for (family, title) in [
        (For::Ipv4, "IPv4"),
        (For::Ipv6, "IPv6"),
        (For::Both, "both families"),
    ] {
        let mut bytes = 0;
        for map in maps.iter().filter(|map| map.family == family) {
            line(&mut page, &map.name, map.bytes, &what(map, tables));
            bytes += map.bytes;
        }
        if family == For::Both {
            let tables = format!("tables of the schedulers of {services} virtual servers");
            line(&mut page, "schedules", schedules, &tables);
            bytes += schedules;
        }
        line(&mut page, title, bytes, &mebibytes(bytes));
        all += bytes;
    }
    line(&mut page, "together", all, &mebibytes(all));
    page
}

fn line(page: &mut String, name: &str, bytes: u64, what: &str) {
    // Writing to a string cannot fail.
    let _done = writeln!(page, "# memory: {name:<14}{bytes:>11}  {what}");
}

/// What a map has room for.
fn what(map: &Taken, tables: FlowTables) -> String {
    let [flows4, flows6] = tables.flows();
    match map.name.as_str() {
        "FLOWS4" => format!("{flows4} flows (xdp_flow_table_size)"),
        "FLOWS6" => format!("{flows6} flows (xdp_flow_table_size)"),
        "TRACE_EVENTS" => format!("{} bytes", map.entries),
        _ => format!("{} entries", map.entries),
    }
}

#[cfg(test)]
mod tests;
