//! Two machines on one cable, and waiting for what the kernel tells.

use std::net::IpAddr;
use std::os::fd::AsFd;

use anyhow::{Context, Result, ensure};
use lb_agent::net::link;
use lb_agent::net::monitor::{Event, Monitor};
use lb_agent::net::netlink::Connection;
use lb_tests::{Namespace, Need, skipped};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Whether this machine cannot run these tests; says so.
pub(crate) fn cannot_run() -> bool {
    skipped(&[Need::Root, Need::Namespaces, Need::Program("ip")])
}

/// Two machines with a cable between them.
pub(crate) struct Cable {
    /// 192.0.2.1/24 and [`LEFT_MAC`] on interface `left`.
    pub(crate) left: Namespace,
    /// 192.0.2.2/24 and [`RIGHT_MAC`] on interface `right`.
    pub(crate) right: Namespace,
}

/// The Ethernet address of `left`.
pub(crate) const LEFT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// The Ethernet address of `right`.
pub(crate) const RIGHT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

impl Cable {
    pub(crate) fn new() -> Result<Self> {
        let (left, right) = (Namespace::new("left")?, Namespace::new("right")?);
        left.ip(&format!(
            "link add left address 02:00:00:00:00:01 type veth \
             peer name right address 02:00:00:00:00:02 netns {}",
            right.name()
        ))?;
        left.ip("addr add 192.0.2.1/24 dev left")?;
        right.ip("addr add 192.0.2.2/24 dev right")?;
        left.ip("link set left up")?;
        right.ip("link set right up")?;
        Ok(Self { left, right })
    }
}

/// A machine with both ends of a cable, `left` and `right`, in itself; both are down.
pub(crate) fn loose_ends() -> Result<Namespace> {
    let machine = Namespace::new("machine")?;
    machine.ip("link add left address 02:00:00:00:00:01 mtu 1400 type veth peer name right")?;
    Ok(machine)
}

/// A constant as an address.
#[expect(clippy::expect_used, reason = "the constants are addresses")]
pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The number of an interface that is there.
pub(crate) fn index_of(connection: &mut Connection, name: &str) -> Result<u32> {
    let link = link::by_name(connection, name)?;
    Ok(link.with_context(|| format!("there is no {name}"))?.index)
}

/// Reads events until `wanted` gives something; five seconds of silence are an error.
pub(crate) fn wait_for<T>(
    monitor: &mut Monitor,
    what: &str,
    mut wanted: impl FnMut(&Event) -> Option<T>,
) -> Result<T> {
    loop {
        while let Some(event) = monitor.next()? {
            if let Some(found) = wanted(&event) {
                return Ok(found);
            }
        }
        let mut waiting = [PollFd::new(monitor.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut waiting, PollTimeout::from(5000u16))?;
        ensure!(ready > 0, "nothing came where {what} was awaited");
    }
}
