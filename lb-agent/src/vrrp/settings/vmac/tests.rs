use super::*;
use crate::config::{Memory, load};
use crate::vrrp::settings::Setup;

fn instance(vrid: u8, lines: &str) -> String {
    format!("vrrp_instance V{vrid} {{\ninterface eth0\nvirtual_router_id {vrid}\n{lines}\n}}\n")
}

fn setup(text: &str) -> Setup {
    let prefixes = "global_defs {\nvmac_prefix vm\nvmac_addr_prefix va\n}\n";
    let text = format!("{prefixes}{text}");
    Setup::from(&load(&Memory::default().with("/main", &*text), "/main".as_ref()).config)
}

/// Name, the one below, the end of the MAC.
fn made(router: &VirtualRouter) -> Vec<String> {
    let one = |it: &Vmac| match it.kind {
        VirtualKind::Macvlan([.., group, vrid]) => {
            format!("{} on {} {group:02x}:{vrid:02x}", it.name, it.base)
        }
        VirtualKind::Ipvlan(_) => format!("{} on {}", it.name, it.base),
    };
    router.vmacs().map(one).collect()
}

fn devs(router: &VirtualRouter) -> Vec<&str> {
    router.addresses().map(|it| it.dev.as_str()).collect()
}

/// As keepalived 2.2.7 makes them of the same file.
#[test]
fn use_vmac_addr_makes_one_for_each_other_interface_and_each_other_family() {
    let setup = setup(&instance(
        51,
        "use_vmac_addr\nvirtual_ipaddress {\n10.0.0.100/24\n10.1.0.100/24 dev eth1\n\
         10.1.0.101/24 dev eth1\n}\nvirtual_ipaddress_excluded {\nfd00::9/64\n\
         fd00::8/64 dev eth1\n}",
    ));
    let router = &setup.instances[0];
    let expected = [
        "va.51 on eth1 01:33",
        "va6.51 on eth0 02:33",
        "va1.51 on eth1 02:33",
    ];
    assert_eq!(made(router), expected);
    assert_eq!(devs(router), ["eth0", "va.51", "va.51", "va6.51", "va1.51"]);
    assert_eq!(router.interface, "eth0");
}

#[test]
fn an_address_may_have_one_of_its_own_and_shares_it_with_others_of_its_interface() {
    let setup = setup(&instance(
        52,
        "virtual_ipaddress {\n10.0.0.110/24\n10.0.0.111/24 use_vmac\n\
         10.1.0.110/24 dev eth1 use_vmac\n10.1.0.111/24 dev eth1\n\
         10.1.0.112/24 dev eth1 use_vmac foo\n10.2.0.1 dev eth2 use_vmac bar 02:00:00:00:00:07\n}",
    ));
    let router = &setup.instances[0];
    let expected = [
        "va.52 on eth0 01:34",
        "va1.52 on eth1 01:34",
        "bar on eth2 00:07",
    ];
    assert_eq!(made(router), expected);
    let expected = ["eth0", "va.52", "va1.52", "eth1", "va1.52", "bar"];
    assert_eq!(devs(router), expected);
}

#[test]
fn the_instances_vmac_has_its_addresses_and_those_that_ask_for_the_same_one() {
    let setup = setup(&instance(
        53,
        "use_vmac\nuse_vmac_addr\nvirtual_ipaddress {\n10.0.0.1 use_vmac\n10.0.0.2\n\
         10.0.0.3 dev eth1\n}\nvirtual_ipaddress_excluded {\nfd00::9/64\n}",
    ));
    let router = &setup.instances[0];
    let expected = [
        "vm.53 on eth0 01:35",
        "va.53 on eth1 01:35",
        "va6.53 on eth0 02:35",
    ];
    assert_eq!(made(router), expected);
    assert_eq!(devs(router), ["vm.53", "vm.53", "va.53", "va6.53"]);
    assert_eq!(router.interface, "vm.53");
}

#[test]
fn no_name_is_given_twice() {
    let made = |text: &str| {
        let setup = setup(text);
        setup.instances.iter().flat_map(made).collect::<Vec<_>>()
    };
    let addresses = "virtual_ipaddress {\n10.0.0.1\n}";
    let first = instance(7, &format!("use_vmac\n{addresses}"));
    let second = first.replace("eth0", "eth1").replace("V7", "W7");
    let expected = ["vm.7 on eth0 01:07", "vm1.7 on eth1 01:07"];
    assert_eq!(made(&format!("{first}{second}")), expected);
    let unnamed = instance(7, &format!("use_ipvlan\n{addresses}"));
    let named = instance(8, &format!("use_vmac vm.7\n{addresses}"));
    let expected = ["vm1.7 on eth0", "vm.7 on eth0 01:08"];
    assert_eq!(made(&format!("{unnamed}{named}")), expected);
}

#[test]
fn names_are_kept_for_what_is_running_whatever_comes_first_now() {
    let vmac = "use_vmac\nvirtual_ipaddress {\n10.0.0.1\n}";
    let first = instance(7, vmac);
    let on = |dev: &str, name: &str| first.replace("eth0", dev).replace("V7", name);
    let (second, third) = (on("eth1", "W7"), on("eth2", "X7"));
    let names = |text: &str, running: &Setup| {
        let mut setup = setup(text);
        setup.keep_names(&running.instances);
        let names = setup.instances.iter().map(|it| {
            let vmac = it.vmac.as_ref().unwrap();
            assert_eq!((&it.interface, devs(it)), (&vmac.name, vec![&*vmac.name]));
            format!("{} {}", it.name, vmac.name)
        });
        let names: Vec<String> = names.collect();
        (names.join(", "), setup)
    };
    let (_, running) = names(&format!("{first}{second}"), &Setup::default());
    let (moved, running) = names(&format!("{third}{second}{first}"), &running);
    assert_eq!(moved, "X7 vm2.7, W7 vm1.7, V7 vm.7");
    let (left, running) = names(&format!("{third}{second}"), &running);
    assert_eq!(left, "X7 vm2.7, W7 vm1.7");
    // What is free is given again; a name that the file gives to another is that one's.
    let named = first.replace("use_vmac", "use_vmac vm1.7");
    let (named, _) = names(&format!("{third}{second}{named}"), &running);
    assert_eq!(named, "X7 vm2.7, W7 vm.7, V7 vm1.7");
    // Another prefix is another name.
    let other = format!("global_defs {{\nvmac_prefix other\n}}\n{second}");
    assert_eq!(names(&other, &running).0, "W7 other.7");
}
