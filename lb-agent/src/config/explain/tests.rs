use std::path::Path;

use super::*;
use crate::config::source::Memory;
use crate::config::{Environment, load_explained};

const TEXT: &str = "global_defs {
    router_id lb1
    vrrp_garp_master_repeat 3
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    garp_master_delay 2
    advert_int 3
    virtual_ipaddress { 10.0.0.1/24 dev eth1 }
}
virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_algo wrr
    lb_kind DR
    delay_loop 6
    quorum 2
    real_server 10.0.1.1 80 {
        weight 2
        TCP_CHECK {
            connect_timeout 3
        }
    }
    real_server 10.0.1.2 80 {
    }
}
";

#[test]
fn every_value_stands_with_the_line_that_says_it_or_with_default() {
    let source = Memory::default().with("lb.conf", TEXT);
    let loaded = load_explained(&source, Path::new("lb.conf"), &Environment::default());
    insta::assert_snapshot!(explain(&loaded));
}
