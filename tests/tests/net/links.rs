//! `net::link`.

use anyhow::Result;
use lb_agent::net::link::{self, LinkKind};
use lb_agent::net::netlink::Connection;

use crate::cable::{LEFT_MAC, cannot_run, loose_ends};

#[test]
fn links_of_every_kind_are_told_with_parent_master_mtu_mac_and_carrier() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let machine = loose_ends()?;
    for command in [
        "link set left up",
        "link add br0 type bridge",
        "link set right master br0",
        "link add mac0 link left type macvlan mode private",
        "link add ifb0 type ifb",
    ] {
        machine.ip(command)?;
    }
    // Not every kernel has VLANs; the unit tests have.
    let has_vlans = machine
        .ip("link add dot1q link left type vlan id 42")
        .is_ok();
    machine.enter(|| {
        let mut connection = Connection::open()?;
        let links = link::list(&mut connection)?;
        let find = |name: &str| {
            let found = links.iter().find(|link| link.name == name);
            found.cloned().expect("it is there")
        };
        let left = find("left");
        let parent = left.index;
        assert_eq!(left.kind, LinkKind::Veth);
        assert_eq!((left.mtu, left.mac, left.master), (1400, LEFT_MAC, None));
        assert!(!left.up, "its peer is down, so there is no carrier");
        assert!(find("lo").up);
        assert_eq!(find("lo").kind, LinkKind::Loopback);
        assert_eq!(find("mac0").kind, LinkKind::Macvlan { parent });
        assert_eq!(find("br0").kind, LinkKind::Bridge);
        assert_eq!(find("right").master, Some(find("br0").index));
        assert_eq!(find("ifb0").kind, LinkKind::Other("ifb".into()));
        if has_vlans {
            let (id, ether_type) = (42, 0x8100);
            let vlan = LinkKind::Vlan {
                parent,
                id,
                ether_type,
            };
            assert_eq!(find("dot1q").kind, vlan);
        }
        Ok(())
    })
}

#[test]
fn one_link_is_found_by_name_and_by_index() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    loose_ends()?.enter(|| {
        let mut connection = Connection::open()?;
        let left = link::by_name(&mut connection, "left")?.expect("it is there");
        assert_eq!(link::by_index(&mut connection, left.index)?, Some(left));
        assert_eq!(link::by_index(&mut connection, 9999)?, None);
        for nothing in ["nothing", "", "a-name-that-is-too-long", "left\0"] {
            assert_eq!(link::by_name(&mut connection, nothing)?, None, "{nothing}");
        }
        Ok(())
    })
}
