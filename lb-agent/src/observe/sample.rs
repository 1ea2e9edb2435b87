//! One director in the middle of its work, for the tests of every output.

use std::time::Duration;

use lb_common::stats::Reason;

use super::dump::Dump;
use super::model::{
    AgentView, AttachmentView, BackendState, BackendView, CheckResult, CheckState, CheckView,
    Checks, ConnectionView, Counters, Endpoint, FaultView, Granularity, InstanceView, Mac, Method,
    PeerView, PersistenceView, Protocol, ReasonView, RivalView, ServerView, ServiceView,
    TrackedView,
};
use crate::dataplane::choice::Carrier;
use crate::dataplane::xdp::attach::Mode;
use crate::vrrp::status::Stats;

pub(super) fn dump() -> Dump<'static> {
    Dump {
        vrrp: Some(instances()),
        services: Some(services()),
        checks: Some(Checks::Known(checks())),
        backends: Some(backends()),
        interfaces: Some(attachments()),
        connections: Some(Box::new(connections().into_iter())),
        reasons: Some(reasons()),
        ..Dump::new(agent())
    }
}

pub(super) fn agent() -> AgentView {
    AgentView {
        version: "0.1.0".into(),
        flow_table_size: 4_194_304,
        silent: Some(Duration::from_millis(250)),
    }
}

fn endpoint(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint {
        address: socket.ip(),
        port: socket.port(),
    }
}

pub(super) fn services() -> Vec<ServiceView> {
    let rates = Counters {
        conns: 12,
        in_packets: 80,
        out_packets: 0,
        in_bytes: 9600,
        out_bytes: 0,
    };
    let counters = Counters {
        conns: 1200,
        in_packets: 8000,
        out_packets: 0,
        in_bytes: 960_000,
        out_bytes: 0,
    };
    let server = |text: &str, method, weight| ServerView {
        endpoint: endpoint(text),
        method,
        weight,
        sorry: false,
        active_connections: 7,
        inactive_connections: 21,
        counters,
        rates: Some(rates),
    };
    let web = ServiceView {
        protocol: Protocol::Tcp,
        endpoint: endpoint("192.168.159.200:80"),
        fwmark: None,
        plane: Carrier::Xdp,
        scheduler_flags: Vec::new(),
        ops: false,
        persistence_engine: None,
        scheduler: "wrr".into(),
        persistence: Some(PersistenceView {
            timeout_seconds: 50,
            granularity: Granularity::Mask([255, 255, 255, 0].into()),
        }),
        instance: Some("VI_1".into()),
        armed: true,
        counters,
        rates: Some(rates),
        servers: vec![
            server("192.168.159.11:80", Method::Route, 1),
            server("192.168.159.12:80", Method::Route, 2),
        ],
    };
    let names = ServiceView {
        protocol: Protocol::Udp,
        endpoint: endpoint("192.168.159.201:53"),
        scheduler: "rr".into(),
        persistence: None,
        instance: None,
        rates: None,
        servers: vec![ServerView {
            sorry: true,
            rates: None,
            ..server("127.0.0.1:53", Method::Local, 1)
        }],
        ..web.clone()
    };
    vec![web, names]
}

pub(super) fn backends() -> Vec<BackendView> {
    let ready = BackendView {
        slot: 1,
        generation: 4,
        protocol: Protocol::Tcp,
        r#virtual: endpoint("192.168.159.200:80"),
        real: endpoint("192.168.159.11:80"),
        method: Method::Route,
        weight: 1,
        sorry: false,
        mac: Some(Mac([2, 0, 0, 0, 0, 0x11])),
        interface: Some("eth0".into()),
        mtu: Some(1500),
        state: BackendState::Ready,
        reason: None,
    };
    let silent = BackendView {
        slot: 12,
        generation: 1,
        real: endpoint("192.168.159.12:80"),
        weight: 100,
        mac: None,
        mtu: None,
        state: BackendState::Unresolved,
        reason: Some(
            "192.168.159.12 on eth0 does not answer when asked for its Ethernet address".into(),
        ),
        ..ready.clone()
    };
    let local = BackendView {
        slot: 13,
        protocol: Protocol::Udp,
        r#virtual: endpoint("192.168.159.201:53"),
        real: endpoint("127.0.0.1:53"),
        method: Method::Local,
        sorry: true,
        interface: None,
        state: BackendState::Local,
        reason: None,
        ..silent
    };
    vec![ready, silent, local]
}

pub(super) fn connections() -> Vec<ConnectionView> {
    let web = ConnectionView {
        protocol: Protocol::Tcp,
        expires: Duration::from_millis(899_500),
        state: "ESTABLISHED".into(),
        client: endpoint("192.168.159.50:57070"),
        r#virtual: endpoint("192.168.159.200:80"),
        real: endpoint("192.168.159.12:80"),
    };
    let names = ConnectionView {
        protocol: Protocol::Udp,
        expires: Duration::from_mins(5),
        state: "UDP".into(),
        r#virtual: endpoint("192.168.159.201:53"),
        real: endpoint("127.0.0.1:53"),
        ..web
    };
    vec![web, names]
}

pub(super) fn instances() -> Vec<InstanceView> {
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

pub(super) fn reasons() -> Vec<ReasonView> {
    [(Reason::NotMaster, 0), (Reason::NoNeighbour, 1234)]
        .map(|(reason, packets)| ReasonView {
            reason: reason.name().into(),
            packets,
            meaning: reason.meaning().into(),
        })
        .to_vec()
}

pub(super) fn attachments() -> Vec<AttachmentView> {
    [("eth0", Mode::Native), ("vlan7", Mode::Generic)]
        .map(|(interface, mode)| AttachmentView {
            interface: interface.into(),
            mode,
        })
        .to_vec()
}

pub(super) fn checks() -> Vec<CheckView> {
    let up = CheckView {
        virtual_server: "[192.168.159.200]:tcp:80".into(),
        real_server: "[192.168.159.105]:tcp:80".into(),
        address: Some(endpoint("192.168.159.200:80")),
        checker: "HTTP_GET".into(),
        asks: "192.168.159.105:80".into(),
        probe: 0,
        shared_by: 2,
        up: true,
        state: CheckState::Up,
        failures: 0,
        retry: 2,
        since: Some(Duration::from_hours(1)),
        suspended: false,
        last_result: Some(CheckResult::Success),
        reason: None,
        last_result_age: Some(Duration::from_millis(1200)),
        next_check: Some(Duration::from_millis(4800)),
        probes: 600,
        failed: 3,
        not_asked: 0,
        changes: 1,
    };
    let failing = CheckView {
        real_server: "[192.168.159.106]:tcp:80".into(),
        asks: "192.168.159.106:80".into(),
        probe: 1,
        shared_by: 1,
        state: CheckState::Failing,
        failures: 2,
        last_result: Some(CheckResult::Failure),
        reason: Some("status_code [503]".into()),
        next_check: None,
        ..up.clone()
    };
    let unproven = CheckView {
        virtual_server: "FWM 7".into(),
        address: None,
        checker: "MISC_CHECK".into(),
        asks: "/usr/local/bin/check -x 1".into(),
        probe: 2,
        shared_by: 1,
        up: false,
        state: CheckState::Unproven,
        since: None,
        suspended: true,
        last_result: None,
        last_result_age: None,
        next_check: None,
        probes: 0,
        failed: 0,
        changes: 0,
        ..up.clone()
    };
    vec![up, failing, unproven]
}
