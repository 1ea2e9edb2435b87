use super::*;

fn of(ipv4: u32, ipv6: u32) -> FlowTables {
    FlowTableSize { ipv4, ipv6 }.into()
}

#[test]
fn a_table_has_a_power_of_two_of_buckets_and_room_for_all_that_is_asked_for() {
    for (flows, buckets) in [
        (1, 2),
        (8, 2),
        (9, 4),
        (1024, 256),
        (1025, 512),
        (4_194_304, 1 << 20),
        (67_108_864, 1 << 24),
    ] {
        let tables = of(flows, flows);
        assert_eq!(
            [tables.buckets4(), tables.buckets6()],
            [buckets; 2],
            "{flows}"
        );
        assert!(
            tables.flows().iter().all(|room| *room >= flows.into()),
            "{flows}"
        );
    }
}

#[test]
fn without_the_keyword_the_tables_are_those_that_the_program_was_compiled_with() {
    use lb_common::limits::{FLOW_BUCKETS, FLOW_BUCKETS6};
    let tables = FlowTables::default();
    assert_eq!(
        [tables.buckets4(), tables.buckets6()],
        [FLOW_BUCKETS, FLOW_BUCKETS6]
    );
    assert_eq!(tables.bytes(), (64 + 32) << 20);
}

#[test]
fn what_a_table_that_begins_anew_costs_is_said() {
    assert_eq!(
        anew("IPv6", 1024, 2048),
        "xdp_flow_table_size: the flow table of IPv6 has room for 2048 flows now, instead of 1024, and \
         begins empty: connections of an earlier agent are placed anew with their next packet. \
         Persistent clients and those of sh, dh and mh find their server again, others may not, and \
         connections in NAT mode end"
    );
}
