//! What is served.

use super::endpoint;
use crate::dataplane::choice::Carrier;
use crate::observe::model::{
    Counters, Granularity, Method, PersistenceView, Protocol, ServerView, ServiceView,
};

pub(in crate::observe) fn services() -> Vec<ServiceView> {
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
        group: None,
        addresses: Vec::new(),
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
