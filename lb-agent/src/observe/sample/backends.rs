//! What the data plane holds.

use std::time::Duration;

use lb_common::stats::Reason;

use super::endpoint;
use crate::dataplane::xdp::attach::Mode;
use crate::observe::model::{
    AttachmentView, BackendState, BackendView, ConnectionView, Mac, Method, Protocol, ReasonView,
};

pub(in crate::observe) fn backends() -> Vec<BackendView> {
    let ready = BackendView {
        slot: 1,
        generation: 4,
        protocol: Protocol::Tcp,
        r#virtual: endpoint("192.168.159.200:80"),
        real: endpoint("192.168.159.11:80"),
        method: Method::Route,
        tunnel: None,
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
        method: Method::Tunnel,
        tunnel: Some("type gue port 6080 csum".into()),
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
        tunnel: None,
        sorry: true,
        interface: None,
        state: BackendState::Local,
        reason: None,
        ..silent
    };
    vec![ready, silent, local]
}

pub(in crate::observe) fn connections() -> Vec<ConnectionView> {
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

pub(in crate::observe) fn reasons() -> Vec<ReasonView> {
    [(Reason::NotMaster, 0), (Reason::NoNeighbour, 1234)]
        .map(|(reason, packets)| ReasonView {
            reason: reason.name().into(),
            packets,
            meaning: reason.meaning().into(),
        })
        .to_vec()
}

pub(in crate::observe) fn attachments() -> Vec<AttachmentView> {
    [("eth0", Mode::Native), ("vlan7", Mode::Generic)]
        .map(|(interface, mode)| AttachmentView {
            interface: interface.into(),
            mode,
        })
        .to_vec()
}
