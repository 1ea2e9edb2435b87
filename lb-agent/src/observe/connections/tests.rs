use std::time::Duration;

use super::*;
use crate::observe::model::{Endpoint, Protocol};

fn flow(expires: u64, state: &'static str, ends: [&str; 3]) -> ConnectionView {
    let [client, r#virtual, real] = ends.map(|text| {
        let socket: std::net::SocketAddr = text.parse().unwrap();
        Endpoint {
            address: socket.ip(),
            port: socket.port(),
        }
    });
    ConnectionView {
        protocol: Protocol::Tcp,
        expires: Duration::from_millis(expires * 1000 + 999),
        state: state.into(),
        client,
        r#virtual,
        real,
    }
}

/// What ipvsadm 1.31 printed about such flows; only the first line is ours.
#[test]
fn the_list_is_that_of_ipvsadm() {
    let flows = [
        flow(
            116,
            "FIN_WAIT",
            ["10.0.0.2:57070", "10.0.0.100:80", "10.0.0.12:80"],
        ),
        flow(
            598,
            "ASSURED",
            ["10.9.0.0:0", "10.9.0.102:80", "10.0.0.11:80"],
        ),
        flow(
            47,
            "ASSURED",
            ["10.0.0.2:0", "10.0.0.100:80", "10.0.0.12:80"],
        ),
        flow(
            118,
            "TIME_WAIT",
            ["10.9.0.2:57728", "10.9.0.102:80", "10.0.0.11:80"],
        ),
    ];
    let mut out = Vec::new();
    write(&mut out, flows.into_iter()).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\
lb-agent connection entries
pro expire state       source             virtual            destination
TCP 01:56  FIN_WAIT    10.0.0.2:57070     10.0.0.100:80      10.0.0.12:80
TCP 09:58  ASSURED     10.9.0.0:0         10.9.0.102:80      10.0.0.11:80
TCP 00:47  ASSURED     10.0.0.2:0         10.0.0.100:80      10.0.0.12:80
TCP 01:58  TIME_WAIT   10.9.0.2:57728     10.9.0.102:80      10.0.0.11:80
"
    );
}

#[test]
fn hours_are_written_as_minutes() {
    let flow = flow(
        6000,
        "ESTABLISHED",
        ["10.0.0.2:1", "10.0.0.100:80", "10.0.0.12:80"],
    );
    let mut out = Vec::new();
    write(&mut out, std::iter::once(flow)).unwrap();
    assert!(
        String::from_utf8(out)
            .unwrap()
            .contains("\nTCP 100:00 ESTABLISHED ")
    );
}
