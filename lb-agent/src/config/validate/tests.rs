use std::fmt::Write as _;
use std::path::Path;

use crate::config::source::Memory;
use crate::config::{Loaded, load};

fn of(text: &str) -> Loaded {
    load(&Memory::default().with("/main", text), Path::new("/main"))
}

fn messages(loaded: &Loaded) -> Vec<String> {
    loaded
        .diagnostics
        .iter()
        .map(|d| format!("{}: {}", d.code.slug(), d.message))
        .collect()
}

fn instance(name: &str, vrid: u8, lines: &str) -> String {
    format!(
        "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\n{lines}\n\
         no_virtual_ipaddress\n}}\n"
    )
}

fn service(address: &str) -> String {
    format!(
        "virtual_server {address} 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 10.9.0.1 80 {{\n}}\n}}\n"
    )
}

#[test]
fn one_vrid_twice_on_an_interface_is_fatal() {
    let loaded = of(&(instance("A", 7, "") + &instance("B", 7, "")));
    assert_eq!(
        messages(&loaded),
        ["duplicate-vrid: `A` and `B` both have virtual_router_id 7 on eth0"]
    );
    assert_eq!((loaded.is_fatal(), loaded.exit_status()), (true, 5));
    assert_eq!(loaded.diagnostics[0].related.len(), 1);
}

#[test]
fn one_vrid_twice_is_allowed_where_the_adverts_cannot_meet() {
    for (first, second, collide) in [
        (
            "unicast_peer { 10.0.0.1 }",
            "unicast_peer { 10.0.0.2 }",
            false,
        ),
        (
            "unicast_peer { 10.0.0.1 }",
            "unicast_peer { 10.0.0.1 }",
            true,
        ),
        ("unicast_peer { 10.0.0.1 }", "", true),
        ("mcast_dst_ip 224.0.0.19", "", false),
        ("mcast_dst_ip 224.0.0.18", "", true),
    ] {
        let loaded = of(&(instance("A", 7, first) + &instance("B", 7, second)));
        assert_eq!(loaded.is_fatal(), collide, "{first} / {second}");
    }
    assert!(!of(&(instance("A", 7, "") + &instance("B", 8, ""))).is_fatal());
}

#[test]
fn of_two_of_one_name_the_first_counts() {
    let loaded = of(&(instance("A", 7, "priority 1") + &instance("A", 8, "priority 2")));
    assert_eq!(
        messages(&loaded),
        ["duplicate: vrrp_instance `A` is defined twice: this one is left out"]
    );
    assert_eq!(loaded.config.vrrp_instances[0].priority, 1);
    assert_eq!(loaded.exit_status(), 5);

    let loaded = of(&(service("10.0.0.1") + &service("10.0.0.1") + &service("10.0.0.2")));
    assert_eq!(
        messages(&loaded),
        ["duplicate: virtual_server 10.0.0.1 80 is defined twice: this one is left out"]
    );
    assert_eq!(loaded.config.virtual_servers.len(), 2);
}

#[test]
fn one_address_in_two_instances_is_said() {
    let address = "virtual_ipaddress { 10.0.0.1/24 }";
    let loaded = of(&(instance("A", 7, address) + &instance("B", 8, address)));
    assert_eq!(
        messages(&loaded),
        ["surprising: `A` and `B` both have the virtual address 10.0.0.1"]
    );
    assert_eq!(loaded.exit_status(), 0);
}

#[test]
fn what_the_data_plane_cannot_hold_is_left_out_with_one_error() {
    let mut text = String::new();
    for number in 0..1100 {
        let lines = format!("interface eth{number}");
        text.push_str(&instance(&format!("I{number}"), 1, &lines));
    }
    text = text.replace("interface eth0\n", "");
    let loaded = of(&text);
    assert_eq!(loaded.config.vrrp_instances.len(), 1023);
    let capacity = messages(&loaded)
        .into_iter()
        .filter(|m| m.starts_with("capacity"))
        .count();
    assert_eq!(capacity, 1);

    let mut text = String::new();
    for number in 0..40u32 {
        writeln!(
            text,
            "virtual_server 10.0.0.{number} 80 {{\nlb_algo rr\nlb_kind NAT"
        )
        .unwrap();
        text.push_str("protocol TCP\n");
        for server in 0..2000u32 {
            writeln!(
                text,
                "real_server 10.1.{}.{} 80 {{\n}}",
                server / 250,
                server % 250 + 1
            )
            .unwrap();
        }
        text.push_str("}\n");
    }
    let loaded = of(&text.replace("10.0.0.0 80", "10.0.0.99 80"));
    assert_eq!(loaded.config.virtual_servers.len(), 32);
    let [message] = messages(&loaded).try_into().unwrap();
    assert_eq!(
        message,
        "capacity: at most 16383 virtual servers with together 65535 real servers are possible: \
         this one and those behind it are left out"
    );
}
