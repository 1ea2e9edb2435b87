use super::*;
use crate::dataplane::ipvs::desired::{Server, Service};
use crate::dataplane::ipvs::testing::{desired, server, service};
use crate::net::ipvs::{Service as Settings, ServiceEntry, Statistics};

const FIGURES: Figures = Figures {
    conns: 1,
    in_packets: 2,
    out_packets: 3,
    in_bytes: 1 << 40,
    out_bytes: 5,
};

/// The records of all services that are desired.
fn all(services: impl IntoIterator<Item = Service>) -> Vec<Record> {
    records(&desired(services), |_| (Some("VI_1".to_owned()), true))
}

fn web(protocol: Protocol) -> Service {
    let key = ServiceKey::Address {
        protocol,
        address: "2001:db8::1".parse().unwrap(),
        port: 80,
    };
    let plain = service(1, "mh", &[server(1, 3), server(2, 1)]);
    Service {
        settings: Settings {
            key,
            persistence: Some(Persistence {
                timeout: 50,
                granularity: Granularity::Prefix(64),
            }),
            ..plain.settings
        },
        ..plain
    }
}

fn entry(service: &Service) -> Entry {
    let statistics = Statistics {
        totals: FIGURES,
        rates: Figures::default(),
    };
    let of = |server: &Server| DestinationEntry {
        destination: server.destination,
        active_connections: 7,
        inactive_connections: 8,
        persistent_connections: 0,
        statistics,
    };
    Entry {
        service: ServiceEntry {
            service: service.settings.clone(),
            statistics,
        },
        destinations: service.servers.iter().map(of).collect(),
    }
}

#[test]
fn a_service_is_shown_as_dump_shows_those_of_xdp() {
    let mut service = web(Protocol::Tcp);
    service.servers[1].sorry = true;
    service.servers[1].destination.forwarding = Forwarding::Local;
    let views = services(&[entry(&service)], &all([service]));
    let json = serde_json::to_value(&views).unwrap();
    let counters = serde_json::json!({
        "conns": 1, "in_packets": 2, "out_packets": 3, "in_bytes": 1_099_511_627_776_u64,
        "out_bytes": 5,
    });
    let none = serde_json::json!({
        "conns": 0, "in_packets": 0, "out_packets": 0, "in_bytes": 0, "out_bytes": 0,
    });
    let server = |address: &str, method: &str, weight: u32, sorry: bool| {
        serde_json::json!({
            "address": address, "port": 80, "method": method, "weight": weight, "sorry": sorry,
            "active_connections": 7, "inactive_connections": 8,
            "counters": counters, "rates": none,
        })
    };
    let expected = serde_json::json!([{
        "protocol": "TCP", "address": "2001:db8::1", "port": 80, "fwmark": null, "group": null, "addresses": [], "plane": "ipvs",
        "scheduler": "mh",
        "scheduler_flags": [], "ops": false, "persistence_engine": null,
        "persistence": { "timeout_seconds": 50, "granularity": 64 },
        "instance": "VI_1", "armed": true, "counters": counters, "rates": none,
        "servers": [
            server("10.0.0.1", "Route", 3, false),
            server("10.0.0.2", "Local", 1, true),
        ],
    }]);
    assert_eq!(json, expected);
}

#[test]
fn marks_protocols_and_flags_have_ipvsadms_names_and_others_services_are_left_out() {
    let mut mark = service(1, "sh", &[]);
    mark.settings.key = ServiceKey::Mark {
        mark: 7,
        family: Family::V6,
    };
    mark.settings.flags = SchedulerFlags {
        flag_1: true,
        flag_2: true,
        flag_3: false,
    };
    mark.settings.one_packet = true;
    let ours = [mark, web(Protocol::Sctp)];
    let foreign = service(9, "rr", &[]);
    let table: Vec<_> = ours.iter().chain([&foreign]).map(entry).collect();
    let views = services(&table, &all(ours));
    assert_eq!(views.len(), 2);
    assert_eq!(
        (views[0].protocol, views[0].fwmark),
        (model::Protocol::Fwm, Some(7))
    );
    assert_eq!(views[0].scheduler_flags, ["sh-fallback", "sh-port"]);
    assert!(views[0].ops && views[0].endpoint.address.is_ipv6());
    assert_eq!(views[1].protocol, model::Protocol::Sctp);
}
