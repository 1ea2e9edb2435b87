//! A `virtual_server_group` with XDP: one service of many addresses.

use super::*;
use crate::config::{Memory, load};
use crate::dataplane::choice::Carrier;
use crate::dataplane::desired::Desired;

fn config(text: &str) -> Config {
    load(&Memory::default().with("/main", text), "/main".as_ref()).config
}

/// The virtual server of a group of these lines.
fn group(lines: &str, more: &str) -> String {
    format!(
        "virtual_server_group G {{\n{lines}\n}}\nvirtual_server group G {{\nlb_algo rr\n\
         lb_kind DR\nprotocol TCP\n{more}\nreal_server 10.0.0.2 80 {{\n}}\n}}\n"
    )
}

/// An instance that holds an address.
fn holder(name: &str, id: u8, address: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {id}\npriority 100\n\
         virtual_ipaddress {{\n{address}\n}}\n}}\n"
    )
}

/// A director that knows of XDP and IPVS.
fn director(text: &str) -> Director {
    let mut director = Director::new(config(text), &Numbers::default()).0;
    director.choose(Ok(()), Ok(()));
    director
}

/// What each service serves: address, port and gate.
fn served(desired: &Desired) -> Vec<Vec<(String, u16)>> {
    let of = |service: &Service| {
        let served = service.served();
        let served = served.map(|(key, gate)| (format!("{}:{}", key.address, key.port), gate));
        served.collect()
    };
    desired.services.iter().map(of).collect()
}

fn why(director: &Director) -> (Carrier, Vec<String>) {
    let (_, choice) = director.choices().next().unwrap();
    (choice.carrier, choice.reasons.clone())
}

#[test]
fn a_group_is_one_service_and_each_address_has_the_gate_of_its_instance() {
    let text = [
        holder("A", 1, "10.0.0.8"),
        holder("B", 2, "10.0.0.9"),
        group("10.0.0.8-10 80\n10.0.0.8 443", ""),
    ];
    let director = director(&text.concat());
    let gate = |name| director.gates().of(name).unwrap();
    let all = [
        ("10.0.0.8:80", gate("A")),
        ("10.0.0.9:80", gate("B")),
        ("10.0.0.10:80", GATE_ALWAYS),
        ("10.0.0.8:443", gate("A")),
    ];
    let all = all.map(|(text, gate)| (text.to_owned(), gate));
    assert_eq!(served(&director.desired()), [all.to_vec()]);
    let names: Vec<String> = director
        .groups_of_xdp()
        .into_iter()
        .map(|it| it.group)
        .collect();
    assert_eq!(names, ["G"]);
}

#[test]
fn what_two_virtual_servers_have_is_the_first_one_s() {
    let alone = "virtual_server 10.0.0.9 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
                 real_server 10.0.0.3 80 {\n}\n}\n";
    let director = director(&(alone.to_owned() + &group("10.0.0.8-9 80\n10.0.0.8 80", "")));
    let at = |text: &str| vec![(text.to_owned(), GATE_ALWAYS)];
    assert_eq!(
        served(&director.desired()),
        [at("10.0.0.9:80"), at("10.0.0.8:80")]
    );
}

#[test]
fn until_vrrp_has_followed_a_group_has_what_it_had_under_the_gates_it_had() {
    let text = |address: &str, lines: &str| {
        holder("A", 1, "10.0.0.8") + &holder("B", 2, address) + &group(lines, "")
    };
    let mut director = director(&text("10.0.0.9", "10.0.0.8-9 80"));
    let gate = |director: &Director, name| director.gates().of(name).unwrap();
    let (a, b) = (gate(&director, "A"), gate(&director, "B"));
    let _lines = director.reload(config(&text("10.0.0.10", "10.0.0.9-10 80")));
    let on = |all: &[(&str, u16)]| -> Vec<(String, u16)> {
        all.iter()
            .map(|(text, gate)| ((*text).to_owned(), *gate))
            .collect()
    };
    assert_eq!(
        served(&director.desired()),
        [on(&[
            ("10.0.0.9:80", b),
            ("10.0.0.10:80", b),
            ("10.0.0.8:80", a)
        ])]
    );
    assert!(director.settle());
    assert_eq!(
        served(&director.desired()),
        [on(&[("10.0.0.9:80", GATE_ALWAYS), ("10.0.0.10:80", b)])]
    );
}

#[test]
fn what_xdp_cannot_have_in_a_group_is_said() {
    for (lines, expected) in [
        ("10.0.0.8-9 80", ""),
        (
            "10.1.0.1-10.1.255.255 80",
            "its group has 65535 addresses and ports, and it has room for 16383 in all",
        ),
        (
            "10.0.0.8 80\nfwmark 7",
            "it sees a packet before a firewall marks it",
        ),
        (
            "10.0.0.8 80\nfd00::8 80",
            "its group has addresses of both families",
        ),
    ] {
        let (carrier, reasons) = why(&director(&group(lines, "")));
        let is_xdp = expected.is_empty();
        assert_eq!(carrier == Carrier::Xdp, is_xdp, "{lines}: {reasons:?}");
        assert!(
            is_xdp || reasons.iter().any(|it| it == expected),
            "{lines}: {reasons:?}"
        );
    }
}
