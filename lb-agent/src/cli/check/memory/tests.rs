use std::path::Path;

use lb_common::ipvs_hash::MAGLEV_PLACES;

use super::*;
use crate::config::{Memory, load};

fn of(text: &str) -> Config {
    let files = Memory::default().with("/lb.conf", text);
    load(&files, Path::new("/lb.conf")).config
}

/// The bytes of a line.
fn bytes(page: &str, name: &str) -> u64 {
    let line = page.lines().find_map(|line| {
        let rest = line.strip_prefix("# memory: ")?.strip_prefix(name)?;
        rest.starts_with(' ')
            .then(|| rest.split_whitespace().next())
    });
    line.flatten()
        .unwrap_or_default()
        .parse()
        .unwrap_or_else(|_| panic!("{name}: {page}"))
}

const SERVICE: &str = "virtual_server 192.0.2.1 80 {\nlb_algo mh\nlb_kind DR\nprotocol TCP\n\
                       real_server 192.0.2.7 80 {\n}\n}\n";

#[test]
fn the_sums_are_those_of_the_lines() {
    let page = page(&of(SERVICE), 2);
    let family = |last: char| -> u64 {
        let names = crate::dataplane::xdp::maps::NAMES.iter();
        let names = names.filter(|name| name.ends_with(last));
        names.map(|name| bytes(&page, name)).sum()
    };
    assert_eq!(bytes(&page, "IPv4"), family('4'));
    assert_eq!(bytes(&page, "IPv6"), family('6'));
    let three = ["IPv4", "IPv6", "both families"].map(|title| {
        let line = page
            .lines()
            .find(|line| line.contains(&format!(": {title} ")));
        let mut words = line.unwrap().split_whitespace();
        words.find_map(|word| word.parse::<u64>().ok()).unwrap()
    });
    assert_eq!(bytes(&page, "together"), three.iter().sum::<u64>());
    // A Maglev table.
    assert!(bytes(&page, "schedules") > 8 * u64::from(MAGLEV_PLACES));
}

#[test]
fn a_smaller_flow_table_takes_less_and_says_how_many_flows_it_holds() {
    let text = format!("global_defs {{\nxdp_flow_table_size 60000 1024\n}}\n{SERVICE}");
    let page = page(&of(&text), 2);
    assert_eq!(bytes(&page, "FLOWS4"), (1 << 20) + 4096);
    assert!(page.contains("65536 flows (xdp_flow_table_size)"), "{page}");
    assert!(page.contains("1024 flows (xdp_flow_table_size)"), "{page}");
}

#[test]
fn without_xdp_there_is_no_memory_to_tell_of() {
    assert_eq!(page(&of("global_defs {\n}\n"), 2), "");
    let off = format!("global_defs {{\nxdp_mode off\n}}\n{SERVICE}");
    assert_eq!(page(&of(&off), 2), "");
}
