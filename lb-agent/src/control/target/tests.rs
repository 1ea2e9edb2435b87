use super::*;
use crate::config::model::{Family, FwmarkKey, GroupKey, RealServer};

fn service(address: &str, port: u16, protocol: Protocol, servers: &[(&str, u16)]) -> VirtualServer {
    let real_server = |&(address, port): &(&str, u16)| {
        RealServer::new(RealServerKey {
            address: address.parse().unwrap(),
            port,
        })
    };
    VirtualServer {
        real_servers: servers.iter().map(real_server).collect(),
        ..VirtualServer::new(VirtualServerKey::Address(AddressKey {
            address: address.parse().unwrap(),
            port,
            protocol,
        }))
    }
}

fn services() -> Vec<VirtualServer> {
    vec![
        service(
            "192.168.0.1",
            53,
            Protocol::Udp,
            &[("10.0.0.2", 53), ("10.0.0.3", 53), ("10.0.0.3", 5353)],
        ),
        service("192.168.0.1", 53, Protocol::Tcp, &[("10.0.0.2", 53)]),
        service("2001:db8::1", 80, Protocol::Tcp, &[]),
        VirtualServer::new(VirtualServerKey::Fwmark(FwmarkKey {
            fwmark: 7,
            ip_family: Family::Inet,
        })),
        VirtualServer::new(VirtualServerKey::Group(GroupKey {
            group: "web".into(),
            protocol: Protocol::Tcp,
        })),
    ]
}

fn found(text: &str) -> String {
    match virtual_server(&services(), text) {
        Ok(server) => server.key.to_string(),
        Err(error) => error.to_string(),
    }
}

fn found_real(text: &str) -> String {
    match real_server(&services()[0], text) {
        Ok(key) => format!("{} {}", key.address, key.port),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_virtual_server_is_found_in_every_spelling() {
    for (text, name) in [
        ("192.168.0.1:53/udp", "[192.168.0.1]:udp:53"),
        ("192.168.0.1:53/TCP", "[192.168.0.1]:tcp:53"),
        ("[192.168.0.1]:udp:53", "[192.168.0.1]:udp:53"),
        ("[2001:db8::1]:80", "[2001:db8::1]:tcp:80"),
        ("[2001:db8:0::1]:tcp:80", "[2001:db8::1]:tcp:80"),
        ("fwmark:7", "FWM 7"),
        ("FWM 7", "FWM 7"),
        ("group:web", "[web]:tcp"),
        ("[web]:tcp", "[web]:tcp"),
    ] {
        assert_eq!(found(text), name, "{text}");
    }
}

#[test]
fn what_cannot_be_found_is_said_with_what_there_is() {
    assert_eq!(
        found("192.168.0.1:53"),
        "192.168.0.1:53 may be [192.168.0.1]:udp:53 or [192.168.0.1]:tcp:53: say which"
    );
    assert_eq!(
        found("192.168.0.1:80"),
        "there is no virtual server 192.168.0.1:80; there are [192.168.0.1]:udp:53, \
         [192.168.0.1]:tcp:53, [2001:db8::1]:tcp:80, FWM 7, [web]:tcp"
    );
    for text in [
        "",
        "192.168.0.1",
        "web",
        "192.168.0.1:99999",
        "[::1]:tcpx:1",
        "1.2.3.4:5/6",
    ] {
        assert!(found(text).contains("write ADDRESS:PORT"), "{text}");
    }
}

#[test]
fn the_port_of_a_real_server_may_be_left_out_where_it_is_clear() {
    assert_eq!(found_real("10.0.0.2"), "10.0.0.2 53");
    assert_eq!(found_real("10.0.0.3:5353"), "10.0.0.3 5353");
    assert_eq!(found_real("[10.0.0.3]:udp:53"), "10.0.0.3 53");
    assert!(found_real("10.0.0.3").contains("say which"));
    assert!(found_real("10.0.0.2:53/tcp").contains("there is no real server"));
}

#[test]
fn a_long_list_is_cut() {
    let many: Vec<VirtualServer> = (1..=20)
        .map(|port| service("192.168.0.1", port, Protocol::Tcp, &[]))
        .collect();
    let error = virtual_server(&many, "192.168.0.9:1")
        .unwrap_err()
        .to_string();
    assert!(error.ends_with("and 12 more"), "{error}");
}
