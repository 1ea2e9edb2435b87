use super::*;
use crate::config::model::{RealServer, RealServerKey, VirtualServerGroup};

fn group_of(entries: Vec<VirtualServerGroupEntry>, first: &str) -> Vec<Served> {
    let key = GroupKey {
        group: "G".to_owned(),
        protocol: Protocol::Tcp,
    };
    let mut server = VirtualServer::new(VirtualServerKey::Group(key));
    server.real_servers.push(RealServer::new(RealServerKey {
        address: first.parse().unwrap(),
        port: 80,
    }));
    let config = Config {
        virtual_server_groups: vec![VirtualServerGroup {
            name: "G".to_owned(),
            entries,
        }],
        ..Config::default()
    };
    config.served(&server)
}

fn range(first: &str, last: &str, first_port: u16, last_port: u16) -> VirtualServerGroupEntry {
    VirtualServerGroupEntry::Addresses {
        first: first.parse().unwrap(),
        last: last.parse().unwrap(),
        first_port,
        last_port,
    }
}

fn shown(served: &[Served]) -> Vec<String> {
    let text = |it: &Served| match it {
        Served::Address(key) => key.to_string(),
        Served::Fwmark(key) => format!("{key} {:?}", key.ip_family),
    };
    served.iter().map(text).collect()
}

#[test]
fn a_group_serves_every_address_with_every_port_and_every_mark() {
    let entries = vec![
        range("10.0.0.254", "10.0.1.1", 80, 81),
        range("fd00::1", "fd00::2", 0, 0),
        VirtualServerGroupEntry::Fwmark {
            fwmark: 7,
            family: None,
        },
        VirtualServerGroupEntry::Fwmark {
            fwmark: 8,
            family: Some(Family::Inet),
        },
    ];
    assert_eq!(
        shown(&group_of(entries, "fd00::9")),
        [
            "[10.0.0.254]:tcp:80",
            "[10.0.0.254]:tcp:81",
            "[10.0.0.255]:tcp:80",
            "[10.0.0.255]:tcp:81",
            "[10.0.1.0]:tcp:80",
            "[10.0.1.0]:tcp:81",
            "[10.0.1.1]:tcp:80",
            "[10.0.1.1]:tcp:81",
            "[fd00::1]:tcp:0",
            "[fd00::2]:tcp:0",
            "FWM 7 Inet6",
            "FWM 8 Inet",
        ]
    );
}

#[test]
fn a_range_of_addresses_without_end_is_cut_off() {
    let all = group_of(vec![range("fd00::", "fdff::", 1, u16::MAX)], "fd00::9");
    assert_eq!(all.len(), MAX_SERVED);
}
