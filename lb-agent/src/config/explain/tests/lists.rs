//! The lines of lists: of each value, whatever became of those beside it.

use super::*;

#[test]
fn the_values_of_a_list_have_lines_of_their_own() {
    let text = explained(
        "vrrp_instance A {
    interface eth0
    virtual_router_id 51
    unicast_peer {
        10.0.0.8
        10.0.0.9
    }
    virtual_ipaddress {
        10.0.0.1/24
        10.0.0.2/24
    }
    track_interface {
        eth1
        eth2
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 52
    no_virtual_ipaddress
}
vrrp_sync_group G {
    group {
        A B
    }
}
virtual_server_group V {
    10.0.0.5 80
    10.0.0.6 80
}
",
    );
    for line in [
        "10.0.0.8 # lb.conf:5",
        "10.0.0.9 # lb.conf:6",
        "address 10.0.0.1/24 dev eth0 scope 0 # lb.conf:9",
        "address 10.0.0.2/24 dev eth0 scope 0 # lb.conf:10",
        "A # lb.conf:24",
        "B # lb.conf:24",
        "10.0.0.5 80 # lb.conf:28",
        "10.0.0.6 80 # lb.conf:29",
    ] {
        let first = line.split(' ').next().unwrap_or_default();
        assert!(
            lines_of(&text, first).contains(&line.to_owned()),
            "{line}\n{text}"
        );
    }
    for (name, line) in [("eth1", 13), ("eth2", 14)] {
        assert_stands_at(&text, name, line);
    }
}

/// Some values are left out, and some go elsewhere: those that are there have their own lines.
#[test]
fn what_is_left_of_a_list_has_its_lines() {
    let text = explained(
        "bfd_instance S1 {
    neighbor_ip 10.0.0.7
}
bfd_instance S2 {
    neighbor_ip 10.0.0.8
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    unicast_peer {
        10.0.0.3
        10.0.0.3
        10.0.0.5
    }
    virtual_ipaddress {
        10.0.0.11/24
        fd00::11/64
        10.0.0.300
        10.0.0.12/24
    }
    track_bfd {
        S1
        S1
        nobody
        S2 weight 300
        S2
    }
    virtual_routes {
        10.1.0.0/16 via 10.0.0.777 dev eth0
        10.2.0.0/16 via 10.0.0.7 dev eth0
    }
}
vrrp_sync_group G {
    group {
        nobody A
        A
    }
}
virtual_server_group W {
    10.0.0.21x 80
    10.0.0.22 80
}
virtual_server group W {
    protocol TCP
    real_server 10.0.1.1 80 {
    }
}
",
    );
    for (word, line) in [
        ("unicast_peer {", 10),
        ("10.0.0.3 ", 11),
        ("10.0.0.5 ", 13),
        ("virtual_ipaddress {", 15),
        ("10.0.0.11/24", 16),
        ("fd00::11/64", 17),
        ("10.0.0.12/24", 19),
        ("track_bfd {", 21),
        ("name S1", 22),
        ("name S2", 26),
        ("virtual_routes {", 28),
        ("10.2.0.0/16", 30),
        ("group {", 34),
        ("        A ", 35),
        ("10.0.0.22 80", 41),
    ] {
        assert_stands_at(&text, word, line);
    }
}
