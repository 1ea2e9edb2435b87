use super::*;
use crate::config::{Memory, load};

#[test]
fn every_missing_interface_is_named_once_with_what_follows() {
    let text = "global_defs {\nxdp_interfaces eth0 eth7\n}\n\
                vrrp_instance VI_1 {\ninterface eth8\nvirtual_router_id 51\n\
                virtual_ipaddress {\n10.0.0.1/24\n10.0.0.2/24\n10.0.0.3/24 dev eth9\n\
                10.0.0.4/24 dev eth0\n}\n}";
    let config = load(&Memory::default().with("/main", text), "/main".as_ref()).config;
    let lines: Vec<String> = missing(&config, &["lo", "eth0"])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        lines,
        [
            "vrrp_instance VI_1 names interface eth8, which does not exist: the instance is in \
             FAULT until it comes",
            "vrrp_instance VI_1 names interface eth9, which does not exist: its virtual addresses \
             there wait until it comes",
            "xdp_interfaces names interface eth7, which does not exist: no packets are taken \
             there until it comes",
        ]
    );
    assert_eq!(missing(&config, &["eth0", "eth7", "eth8", "eth9"]), []);
}
