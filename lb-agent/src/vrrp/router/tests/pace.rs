//! `garp_group`.

use super::*;
use crate::config::model::GarpGroup;

fn frames(seen: &[Seen]) -> usize {
    seen.iter()
        .filter(|it| matches!(it, Seen::Frame { .. }))
        .count()
}

#[test]
fn instances_on_interfaces_of_one_group_announce_one_after_another() {
    let second = VrrpInstance {
        name: "VI_2".into(),
        interface: "eth1".into(),
        virtual_router_id: 52,
        virtual_ipaddress: vec![virtual_address("192.0.2.100/32", "eth1")],
        ..config()
    };
    let mut setup = Setup::from(vec![config(), second]);
    setup.global.garp_groups = vec![GarpGroup {
        garp_interval: Duration::from_millis(100),
        gna_interval: Duration::ZERO,
        interfaces: vec!["eth0".into(), "eth1".into()],
    }];
    let mut bench = Bench::started(setup);
    let down = Duration::from_millis(3610);
    bench.pass(down);
    assert_eq!(bench.states(), [State::Master; 2]);
    assert_eq!(frames(&bench.journal.take()), 1, "the other one waits");
    bench.pass(Duration::from_millis(100));
    let seen = bench.journal.take();
    let frame = arp::gratuitous(ETH1.mac, [192, 0, 2, 100].into()).to_vec();
    let index = ETH1.index;
    assert!(seen.contains(&Seen::Frame { index, frame }), "{seen:?}");
}
