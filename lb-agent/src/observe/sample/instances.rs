//! VRRP instances.

use std::time::Duration;

use crate::observe::model::{FaultView, InstanceView, PeerView, RivalView, TrackedView};
use crate::vrrp::status::Stats;

pub(in crate::observe) fn instances() -> Vec<InstanceView> {
    let master = InstanceView {
        name: "VI_1".into(),
        interface: "eth0".into(),
        virtual_router_id: 51,
        version: 2,
        state: "MASTER".into(),
        in_state: Duration::from_secs(273_906),
        priority: 100,
        effective_priority: 110,
        advert_interval: Duration::from_secs(1),
        master: Some("192.168.159.10".parse().unwrap()),
        master_priority: Some(110),
        virtual_ipaddress: vec!["192.168.159.200/24".parse().unwrap()],
        sync_group: None,
        faults: Vec::new(),
        tracked: vec![TrackedView {
            kind: "script".into(),
            name: "chk".into(),
            weight: 10,
            reverse: false,
            up: Some(true),
            value: None,
            adjustment: 10,
            fault: false,
        }],
        split_brain: Some(RivalView {
            address: "192.168.159.11".parse().unwrap(),
            advertises: true,
            mac: None,
        }),
        peers: vec![PeerView {
            address: "192.168.159.11".parse().unwrap(),
            priority: 80,
            advert_interval: Duration::from_secs(1),
            heard: Duration::from_millis(400),
        }],
        stats: Stats {
            advert_rcvd: 3,
            advert_sent: 273_900,
            become_master: 1,
            auth_failure: 2,
            split_brain: 1,
            advert_late: 3,
            advert_late_max: 203_456,
            ..Stats::default()
        },
    };
    let backup = InstanceView {
        name: "VI_2".into(),
        virtual_router_id: 52,
        state: "FAULT".into(),
        sync_group: Some("G1".into()),
        faults: vec![FaultView {
            reason: "interface_down".into(),
            text: "the interface is down".into(),
        }],
        tracked: Vec::new(),
        split_brain: None,
        peers: Vec::new(),
        in_state: Duration::from_millis(1500),
        advert_interval: Duration::from_millis(100),
        master: None,
        master_priority: None,
        virtual_ipaddress: vec![
            "192.168.159.202/32".parse().unwrap(),
            "2001:db8::202/128".parse().unwrap(),
        ],
        stats: Stats::default(),
        ..master.clone()
    };
    vec![master, backup]
}
