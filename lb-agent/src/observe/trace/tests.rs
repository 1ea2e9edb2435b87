use bytemuck::Zeroable as _;
use lb_common::trace::mapped;

use super::*;
use crate::observe::model::{BackendState, Endpoint, Protocol};

fn of(octets: [u8; 4]) -> Address6 {
    mapped(u32::from_ne_bytes(octets))
}

/// A SYN of a client to a virtual server.
fn syn() -> Event {
    let before = Tuple {
        source: of([192, 0, 2, 7]),
        destination: of([198, 51, 100, 10]),
        source_port: 40_000_u16.to_be(),
        destination_port: 80_u16.to_be(),
        protocol: TCP,
        flags: tcp::SYN,
        version: 4,
        fragment: 0,
    };
    Event {
        time: 1_500_000_000,
        before,
        after: before,
        ifindex: 2,
        length: 74,
        slot: 7,
        verdict: 3,
        reason: NO_REASON,
        decision: decision::SCHEDULED,
        ..Event::zeroed()
    }
}

fn server() -> BackendView {
    let end = |last, port| Endpoint {
        address: [10, 0, 0, last].into(),
        port,
    };
    BackendView {
        slot: 7,
        generation: 0,
        protocol: Protocol::Tcp,
        r#virtual: end(1, 80),
        real: end(5, 8080),
        method: Method::Route,
        tunnel: None,
        weight: 1,
        sorry: false,
        mac: Some(Mac([2, 0, 0, 0, 0, 5])),
        interface: Some("eth1".to_owned()),
        mtu: Some(1500),
        state: BackendState::Ready,
        reason: None,
    }
}

fn view(event: &Event) -> TraceView {
    let server = server();
    TraceView::of(
        event,
        Surroundings {
            epoch: 0,
            interface: Some("eth0"),
            server: (event.slot != 0).then_some(&server),
            scheduler: Some("wrr"),
        },
    )
}

fn line(event: &Event) -> String {
    view(event).line(&TimeZone::UTC)
}

#[test]
fn a_new_flow_is_told_with_its_scheduler_server_and_next_hop() {
    assert_eq!(
        line(&syn()),
        "00:00:01.500000  eth0        tcp 192.0.2.7:40000 > 198.51.100.10:80 [S]: new, by wrr > \
         10.0.0.5:8080 (Route) by 02:00:00:00:00:05 on eth1; sent"
    );
}

#[test]
fn each_way_to_a_server_has_its_words() {
    for (decision, words) in [
        (decision::FLOW, "known flow"),
        (
            decision::TEMPLATE,
            "new, by the client's persistence template",
        ),
        (decision::UNREMEMBERED, "new and not remembered, by wrr"),
        (decision::UNKNOWN, "unknown connection, by hash"),
    ] {
        let event = Event { decision, ..syn() };
        assert!(line(&event).contains(&format!(": {words} > 10.0.0.5")));
    }
}

#[test]
fn every_reason_is_told_as_in_dump_drops() {
    for (index, reason) in Reason::ALL.into_iter().enumerate() {
        let event = Event {
            reason: u8::try_from(index).unwrap_or(NO_REASON),
            verdict: u8::try_from(reason.verdict()).unwrap_or(0),
            slot: 0,
            decision: decision::NONE,
            ..syn()
        };
        let line = line(&event);
        let end = format!(": {} ({})", reason.meaning(), reason.name());
        assert!(line.ends_with(&end), "{line}");
    }
}

#[test]
fn what_is_nobodys_is_the_kernels() {
    let event = Event {
        slot: 0,
        decision: decision::NONE,
        verdict: 2,
        ..syn()
    };
    assert!(line(&event).ends_with(": to the kernel: it is no packet of ours"));
    let event = Event {
        before: Tuple::default(),
        after: Tuple::default(),
        ..event
    };
    assert!(line(&event).contains("no IP packet, 74 bytes: to the kernel"));
}

#[test]
fn what_left_as_something_else_is_told_with_what_it_became() {
    let after = Tuple {
        source: of([10, 0, 0, 1]),
        destination: of([10, 0, 0, 5]),
        source_port: 0,
        destination_port: 0,
        protocol: IPIP,
        ..syn().before
    };
    let event = Event { after, ..syn() };
    assert!(line(&event).ends_with("; sent as 10.0.0.1 > 10.0.0.5"));
}

#[test]
fn what_is_left_out_is_counted() {
    let event = Event {
        omitted: 3,
        ..syn()
    };
    assert!(line(&event).ends_with("; sent (3 more before it are not shown)"));
}

#[test]
fn ipv6_icmp_and_fragments_are_written_as_people_write_them() {
    let words = lb_common::address6::words(
        "2001:db8::7"
            .parse()
            .unwrap_or(std::net::Ipv6Addr::LOCALHOST),
    );
    let before = Tuple {
        source: words,
        version: 6,
        ..syn().before
    };
    let event = Event { before, ..syn() };
    assert!(line(&event).contains("tcp [2001:db8::7]:40000 > "));
    let before = Tuple {
        protocol: ICMP,
        ..syn().before
    };
    let event = Event { before, ..syn() };
    assert!(line(&event).contains("icmp 192.0.2.7 > 198.51.100.10: "));
    let before = Tuple {
        fragment: 1,
        ..syn().before
    };
    let event = Event { before, ..syn() };
    assert!(line(&event).contains("tcp 192.0.2.7 > 198.51.100.10: "));
}

#[test]
fn a_program_reads_the_same() {
    let json = serde_json::to_value(view(&syn())).unwrap_or_default();
    assert_eq!(json["time"], "1970-01-01T00:00:01.5Z");
    assert_eq!(json["decision"], "new, by wrr");
    assert_eq!(json["verdict"], "sent");
    assert_eq!(json["server"]["endpoint"], "10.0.0.5:8080");
    assert_eq!(json["server"]["mac"], "02:00:00:00:00:05");
    assert_eq!(json["reason"], serde_json::Value::Null);
}
