//! `net::netdev` and `net::link::xdp_attached`: what the kernel says of XDP on an interface.

use std::process::Command;

use anyhow::{Context, Result};
use lb_agent::net::link::{self, XdpAttached};
use lb_agent::net::netdev::Netdev;
use lb_agent::net::netlink::Connection;
use lb_tests::{Need, built, skipped};

use crate::cable::{cannot_run, index_of, loose_ends};

#[test]
fn a_veth_takes_frames_when_its_other_end_has_a_program() -> Result<()> {
    if cannot_run() || skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let machine = loose_ends()?;
    for command in [
        "link add br0 type bridge",
        "link set left up",
        "link set right up",
    ] {
        machine.ip(command)?;
    }
    let object = built::bpf_object("pass")?;
    let object = object.to_str().context("a path that is not UTF-8")?;
    machine.enter(|| {
        let mut connection = Connection::open()?;
        let [left, right, bridge] =
            ["left", "right", "br0"].map(|name| index_of(&mut connection, name));
        let (left, right, bridge) = (left?, right?, bridge?);
        let Some(mut netdev) = Netdev::open()? else {
            // Before Linux 6.3 there is nobody to ask.
            return Ok(());
        };
        assert_eq!(netdev.takes_frames(left)?, Some(false));
        assert_eq!(netdev.takes_frames(bridge)?, Some(false));
        assert_eq!(netdev.takes_frames(4242)?, None);
        for (how, expected) in [
            ("xdpdrv", XdpAttached::Driver),
            ("xdpgeneric", XdpAttached::Generic),
        ] {
            machine.ip(&format!("link set dev right {how} obj {object} sec xdp"))?;
            let native = how == "xdpdrv";
            assert_eq!(netdev.takes_frames(left)?, Some(native), "{how}");
            let attached = |connection: &mut _, index| link::xdp_attached(connection, index);
            assert_eq!(attached(&mut connection, right)?, Some(expected));
            assert_eq!(attached(&mut connection, left)?, Some(XdpAttached::None));
            assert_eq!(attached(&mut connection, 4242)?, None);
            machine.ip(&format!("link set dev right {how} off"))?;
        }
        machine.run(Command::new("ethtool").args(["-K", "right", "gro", "on"]))?;
        assert_eq!(netdev.takes_frames(left)?, Some(true), "GRO will do");
        Ok(())
    })
}
